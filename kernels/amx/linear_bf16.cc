// bf16 weights by TDPBF16PS, which is the contract's step on a whole tile: c = c + (even chain + odd chain).
//
//   Few     m <= 16: tiles of m rows, so that results are stored as they are. 1 x 4 panels: four accumulators hide the
//           instruction's latency; w streams from memory once.
//             tmm0-3 C of panel 0-3     tmm4 A     tmm5-7 B in turn
//   Block   m > 16: 2 row blocks x 2 panels, so each step's 4 tile loads serve 4 products.
//             tmm0-3 C [row block][panel]     tmm4,5 A     tmm6,7 B
//           K is cut into chunks: a chunk of two panels (32 KiB) stays in L1 while all row blocks pass, a chunk of x
//           in L2 while all panels of the call pass; C goes through y between chunks, which the contract allows. x is
//           loaded with the streaming hint: without it x pushes w out of L1, and tiles from L2 on both sides are worth
//           66 % of the peak instead of 95 %. Every step also prefetches its part of the next panels and of the
//           next rows of C.
#include "kernels/amx/linear.h"

#include <immintrin.h>

#include "kernels/amx/tile.h"

namespace lacuna::kernels {
namespace {

constexpr ptrdiff_t kAhead = 4096;  // bytes between a tile load of w and its prefetch

inline __attribute__((always_inline)) void PrefetchTile(const char* tile) {
#pragma GCC unroll 16
  for (int r = 0; r < 16; ++r) _mm_prefetch(tile + r * 64, _MM_HINT_T0);
}

// y = or += the `rows` x 16 floats at `from`.
inline void AddTile(const float* from, int rows, bool add, float* y, ptrdiff_t y_stride) {
  for (int i = 0; i < rows; ++i) {
    __m512 v = _mm512_load_ps(from + i * 16);
    if (add) v = _mm512_add_ps(_mm512_loadu_ps(y + i * y_stride), v);
    _mm512_storeu_ps(y + i * y_stride, v);
  }
}

inline int Segment(const LinearBf16Args& a) {
  return a.k_segment > 0 && a.k_segment < a.k_padded ? a.k_segment : a.k_padded;
}

// Dots of one segment with P panels, stored at y or added to it.
template <int P>
inline __attribute__((always_inline)) void FewSegment(const char* x, ptrdiff_t x_step, const char* w,
                                                      ptrdiff_t panel_bytes, int steps, int m, bool add, float* y,
                                                      ptrdiff_t y_stride) {
  LACUNA_TILE_ZERO(0);
  if constexpr (P > 1) LACUNA_TILE_ZERO(1);
  if constexpr (P > 2) LACUNA_TILE_ZERO(2);
  if constexpr (P > 3) LACUNA_TILE_ZERO(3);
  for (int s = 0; s < steps; ++s) {
    LACUNA_TILE_LOAD(4, x, 64);
    PrefetchTile(w + kAhead);
    LACUNA_TILE_LOAD(5, w, 64);
    LACUNA_TILE_DPBF16PS(0, 4, 5);
    if constexpr (P > 1) {
      PrefetchTile(w + panel_bytes + kAhead);
      LACUNA_TILE_LOAD(6, w + panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(1, 4, 6);
    }
    if constexpr (P > 2) {
      PrefetchTile(w + 2 * panel_bytes + kAhead);
      LACUNA_TILE_LOAD(7, w + 2 * panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(2, 4, 7);
    }
    if constexpr (P > 3) {
      PrefetchTile(w + 3 * panel_bytes + kAhead);
      LACUNA_TILE_LOAD(5, w + 3 * panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(3, 4, 5);
    }
    x += x_step;
    w += 1024;
  }
  if (!add) {
    LACUNA_TILE_STORE(0, y, y_stride * 4);
    if constexpr (P > 1) LACUNA_TILE_STORE(1, y + 16, y_stride * 4);
    if constexpr (P > 2) LACUNA_TILE_STORE(2, y + 32, y_stride * 4);
    if constexpr (P > 3) LACUNA_TILE_STORE(3, y + 48, y_stride * 4);
  } else {
    alignas(64) float sum[P][16 * 16];
    LACUNA_TILE_STORE(0, sum[0], 64);
    if constexpr (P > 1) LACUNA_TILE_STORE(1, sum[1], 64);
    if constexpr (P > 2) LACUNA_TILE_STORE(2, sum[2], 64);
    if constexpr (P > 3) LACUNA_TILE_STORE(3, sum[3], 64);
    for (int q = 0; q < P; ++q) AddTile(sum[q], m, true, y + q * 16, y_stride);
  }
}

template <int P>
inline void FewPanels(const LinearBf16Args& a, int panel) {
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32;
  const char* w = (const char*)a.w + panel * panel_bytes;
  const int segment = Segment(a);
  for (int k = 0; k < a.k_padded; k += segment) {
    const int width = a.k_padded - k < segment ? a.k_padded - k : segment;
    FewSegment<P>((const char*)a.x + (ptrdiff_t)k * a.m * 2, (ptrdiff_t)a.m * 64, w + (ptrdiff_t)k * 32, panel_bytes,
                  width / 32, a.m, k > 0, a.y + (panel - a.panel_begin) * 16, a.y_stride);
  }
}

// A part of what comes next: lines [first, last) of 32, 16 from each of two tiles `stride` bytes apart.
struct Ahead {
  const char* tiles;
  ptrdiff_t stride;
  int first, last;
};

inline __attribute__((always_inline)) void Prefetch(const Ahead& a, ptrdiff_t offset) {
  for (int line = a.first; line < a.last; ++line) {
    _mm_prefetch(a.tiles + offset + (line < 16 ? 0 : a.stride) + (line & 15) * 64, _MM_HINT_T1);
  }
}

// The i-th of n parts.
inline Ahead Part(const char* tiles, ptrdiff_t stride, int i, int n) {
  return {tiles, stride, 32 * i / n, 32 * (i + 1) / n};
}

// Two rows of 32 channels: 16 steps fetch the next 32 rows, so that loading and storing C costs a quarter less.
inline __attribute__((always_inline)) void PrefetchC(const float* c, ptrdiff_t c_stride) {
  _mm_prefetch((const char*)c, _MM_HINT_T0);
  _mm_prefetch((const char*)(c + 16), _MM_HINT_T0);
  _mm_prefetch((const char*)(c + c_stride), _MM_HINT_T0);
  _mm_prefetch((const char*)(c + c_stride + 16), _MM_HINT_T0);
}

struct Chunk {
  const char* x;
  ptrdiff_t block_bytes;  // from a row block to the next
  const char* w;
  ptrdiff_t panel_bytes;
  int steps;
  bool zero;  // C begins at zero instead of c
  Ahead next_w;
  const float* next_c;  // of the same stride
};

// R row blocks x P panels.
template <int R, int P>
inline __attribute__((always_inline)) void RunChunk(const Chunk& chunk, float* c, ptrdiff_t c_stride) {
  const ptrdiff_t stride = c_stride * 4;
  if (chunk.zero) {
    LACUNA_TILE_ZERO(0);
    if constexpr (P > 1) LACUNA_TILE_ZERO(1);
    if constexpr (R > 1) LACUNA_TILE_ZERO(2);
    if constexpr (R > 1 && P > 1) LACUNA_TILE_ZERO(3);
  } else {
    LACUNA_TILE_LOAD(0, c, stride);
    if constexpr (P > 1) LACUNA_TILE_LOAD(1, c + 16, stride);
    if constexpr (R > 1) LACUNA_TILE_LOAD(2, c + 16 * c_stride, stride);
    if constexpr (R > 1 && P > 1) LACUNA_TILE_LOAD(3, c + 16 * c_stride + 16, stride);
  }
  const char* x = chunk.x;
  const char* w = chunk.w;
  for (int s = 0; s < chunk.steps; ++s) {
    LACUNA_TILE_LOAD(6, w, 64);
    LACUNA_TILE_LOAD_STREAM(4, x, 64);
    LACUNA_TILE_DPBF16PS(0, 4, 6);
    PrefetchC(chunk.next_c + (s & 15) * 2 * c_stride, c_stride);
    if constexpr (P > 1) {
      LACUNA_TILE_LOAD(7, w + chunk.panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(1, 4, 7);
    }
    if constexpr (R > 1) {
      LACUNA_TILE_LOAD_STREAM(5, x + chunk.block_bytes, 64);
      LACUNA_TILE_DPBF16PS(2, 5, 6);
    }
    Prefetch(chunk.next_w, s * 1024);
    if constexpr (R > 1 && P > 1) LACUNA_TILE_DPBF16PS(3, 5, 7);
    x += 1024;
    w += 1024;
  }
  LACUNA_TILE_STORE(0, c, stride);
  if constexpr (P > 1) LACUNA_TILE_STORE(1, c + 16, stride);
  if constexpr (R > 1) LACUNA_TILE_STORE(2, c + 16 * c_stride, stride);
  if constexpr (R > 1 && P > 1) LACUNA_TILE_STORE(3, c + 16 * c_stride + 16, stride);
}

// Tiles of x from column k on, of the row block at `row`, and the bytes to the next row block.
inline const char* XTiles(const LinearBf16Args& a, int k, int row, ptrdiff_t* block_bytes) {
  const int blocks = (a.m + 15) / 16, k0 = k / kTileChunk * kTileChunk;
  const int width = a.k_padded - k0 < kTileChunk ? a.k_padded - k0 : kTileChunk;
  *block_bytes = (ptrdiff_t)width * 32;
  return (const char*)a.x + ((ptrdiff_t)k0 * blocks + row / 16 * width + (k - k0)) * 32;
}

// P panels x the rows from `row` on over columns [k, k_end) of one chunk; what comes after is fetched by the way.
template <int R, int P>
inline void OneChunk(const LinearBf16Args& a, int panel, int row, int k, int k_end, bool zero, float* c,
                     ptrdiff_t c_stride) {
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32;
  const int next_k = k_end < a.k_padded ? k_end : 0;
  const char* w = (const char*)a.w + panel * panel_bytes + (ptrdiff_t)k * 32;
  // After the last panels of the last chunk comes the call for the panels behind panel_end, if any: a prefetch may
  // miss.
  const char* next_w =
      panel + P < a.panel_end
          ? w + P * panel_bytes
          : (const char*)a.w + (next_k > 0 ? a.panel_begin : a.panel_end) * panel_bytes + (ptrdiff_t)next_k * 32;
  const float* next_c = row + 32 < a.m ? c + 32 * c_stride : a.y + (panel + P - a.panel_begin) * 16;
  ptrdiff_t block_bytes;
  const char* x = XTiles(a, k, row, &block_bytes);
  RunChunk<R, P>({x, block_bytes, w, panel_bytes, (k_end - k) / 32, zero,
                  Part(next_w, panel_bytes, row / 32, (a.m + 31) / 32), next_c},
                 c, c_stride);
}

// Columns [k, k_end) of P panels for all rows: one chunk that goes on from y (or from zero when it is the first), or a
// segment of several, which starts from zero and is added to y.
template <int P>
inline void BlockRows(const LinearBf16Args& a, int panel, int k, int k_end, bool segment) {
  for (int row = 0; row < a.m; row += 32) {
    const int rows = a.m - row < 32 ? a.m - row : 32;
    float* y = a.y + row * a.y_stride + (panel - a.panel_begin) * 16;
    if (rows == 32 && !segment) {
      OneChunk<2, P>(a, panel, row, k, k_end, k == 0, y, a.y_stride);
      continue;
    }
    // Rows that y has not, and sums of segments, go through a buffer.
    alignas(64) float c[32 * 32];
    if (!segment && k > 0) {
      for (int q = 0; q < P; ++q) {
        for (int i = 0; i < 32; ++i) {
          _mm512_store_ps(c + i * 32 + q * 16,
                          i < rows ? _mm512_loadu_ps(y + i * a.y_stride + q * 16) : _mm512_setzero_ps());
        }
      }
    }
    for (int k1 = k, k2; k1 < k_end; k1 = k2) {
      k2 = (k1 / kTileChunk + 1) * kTileChunk;
      if (k2 > k_end) k2 = k_end;
      const bool zero = k1 == k && (segment || k == 0);
      if (rows > 16) {
        OneChunk<2, P>(a, panel, row, k1, k2, zero, c, 32);
      } else {
        OneChunk<1, P>(a, panel, row, k1, k2, zero, c, 32);
      }
    }
    for (int i = 0; i < rows; ++i) {
      for (int q = 0; q < P; ++q) {
        float* to = y + i * a.y_stride + q * 16;
        const __m512 v = _mm512_load_ps(c + i * 32 + q * 16);
        _mm512_storeu_ps(to, segment && k > 0 ? _mm512_add_ps(_mm512_loadu_ps(to), v) : v);
      }
    }
  }
}

}  // namespace

void AmxLinearBegin(int m) {
  TileConfig config{};
  TileConfigSetFull(&config);
  if (m < 16) {
    for (int t = 0; t < 5; ++t) TileConfigSet(&config, t, m, 64);
  }
  TileLoadConfig(&config);
}

void AmxLinearEnd() { TileRelease(); }

void AmxLinearBf16Few(const LinearBf16Args& args) {
  int panel = args.panel_begin;
  for (; panel + 4 <= args.panel_end; panel += 4) FewPanels<4>(args, panel);
  for (; panel < args.panel_end; ++panel) FewPanels<1>(args, panel);
}

void AmxLinearBf16Block(const LinearBf16Args& args) {
  const int segment = Segment(args);
  const bool segmented = segment < args.k_padded;
  const int width = segmented ? segment : kTileChunk;
  for (int k = 0; k < args.k_padded; k += width) {
    const int k_end = args.k_padded - k < width ? args.k_padded : k + width;
    int panel = args.panel_begin;
    for (; panel + 2 <= args.panel_end; panel += 2) BlockRows<2>(args, panel, k, k_end, segmented);
    if (panel < args.panel_end) BlockRows<1>(args, panel, k, k_end, segmented);
  }
}

}  // namespace lacuna::kernels
