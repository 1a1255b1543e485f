// bf16 weights by TDPBF16PS, more than 16 rows: 2 row blocks x 2 panels, so each step's 4 tile loads serve 4 products.
//
//   tmm0-3 C [row block][panel]     tmm4,5 A     tmm6,7 B
//
// K is cut into chunks of 512: a chunk of two panels (32 KiB) stays in L1 while x passes from L2 with the streaming
// hint (without it x pushes w out of L1). C goes through y between chunks, which the contract allows; longer chunks do
// not fit L1.
//
//   x fits L2      for panels: for chunks: for rows       w is read from memory in order
//   x does not     for chunks: for panels: for rows       a chunk of x stays in L2 for all panels of the call
//
// Every step prefetches its part of what comes next: w and the next chunk of x to L2, C to L1.
//
// Where the time of a product goes (Xeon with AMX_FP16, in times of a TDP* from registers, M = 512, K = 2048):
//   1.2   with its four tile loads from L1: 16 cycles still, but the clock falls from 3.2 to 2.6 GHz (power)
//   1.2   the same with x from L2
//   1.4   and C stored and loaded again after 16 steps; 1.5 when that is not done inside the last step
//   1.6   and w from memory, 64 panels a call
//   1.8   and x from beyond L2; 2.1 with 16 panels a call, which read x four times as often
#include <immintrin.h>

#include "kernels/amx/linear.h"
#include "kernels/amx/tile.h"

namespace lacuna::kernels {
namespace {

// More rows at once cost more L2 (two chunks of x) than a second walk over w costs.
enum { kBytesOfXInL2 = 768 * 1024, kGroupRows = 544 };

enum Order { kPanelsFirst, kChunksFirst };

constexpr ptrdiff_t kAhead = 4096;  // bytes between a tile load of w and its prefetch, where rows are few

// The same tile of P panels.
template <int P>
inline __attribute__((always_inline)) void PrefetchTiles(const char* tile, ptrdiff_t panel_bytes) {
#pragma GCC unroll 16
  for (int r = 0; r < 16; ++r) {
#pragma GCC unroll 2
    for (int q = 0; q < P; ++q) _mm_prefetch(tile + q * panel_bytes + r * 64, _MM_HINT_T0);
  }
}

// The rows of one walk over the weights, and its order.
struct Walk {
  Order order;
  int row_begin, row_end;
};

inline __attribute__((always_inline)) void PrefetchC(const float* c, ptrdiff_t c_stride) {
  _mm_prefetch((const char*)c, _MM_HINT_T0);
  _mm_prefetch((const char*)(c + 16), _MM_HINT_T0);
  _mm_prefetch((const char*)(c + c_stride), _MM_HINT_T0);
  _mm_prefetch((const char*)(c + c_stride + 16), _MM_HINT_T0);
}

// Tiles of x from column k on, of the row block at `row`, and the bytes to the next row block.
inline const char* XTiles(const LinearBf16Args& a, int k, int row, ptrdiff_t* block_bytes) {
  const int blocks = (a.m + 15) / 16, k0 = k / kTileChunk * kTileChunk;
  const int width = a.k_padded - k0 < kTileChunk ? a.k_padded - k0 : kTileChunk;
  *block_bytes = (ptrdiff_t)width * 32;
  return (const char*)a.x + ((ptrdiff_t)k0 * blocks + row / 16 * width + (k - k0)) * 32;
}

// Where a walk goes after columns [k, k_end) of two panels: behind the last of all come the panels of the next call
// (perhaps of nothing: a prefetch may miss).
struct Next {
  const char* w;
  int x_k;
};

inline Next After(const LinearBf16Args& a, const Walk& walk, int panel, int k, int k_end) {
  const int next_k = k_end < a.k_padded ? k_end : 0;
  int w_panel = panel, w_k = next_k;
  if (walk.order == kPanelsFirst) {
    if (next_k == 0) w_panel = panel + 2;
  } else if (panel + 2 < a.panel_end) {
    w_panel = panel + 2;
    w_k = k;
  } else {
    w_panel = next_k > 0 ? a.panel_begin : a.panel_end;
  }
  return {(const char*)a.w + ((ptrdiff_t)w_panel * a.k_padded + (ptrdiff_t)w_k) * 32, next_k};
}

#define START(tile, from)                   \
  do {                                      \
    if (zero) {                             \
      LACUNA_TILE_ZERO(tile);               \
    } else {                                \
      LACUNA_TILE_LOAD(tile, from, stride); \
    }                                       \
  } while (0)

// One chunk, columns [k, k_end), of two panels for rows [row, row_end), a multiple of 32. C of the next rows begins
// inside the last step of these: its stores and loads then hide behind products.
inline void PairChunk(const LinearBf16Args& a, const Walk& walk, int panel, int row_end, int k, int k_end) {
  const bool zero = k == 0;
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32, c_stride = a.y_stride, stride = c_stride * 4;
  const int steps = (k_end - k) / 32, row_pairs = (row_end - walk.row_begin) / 32;
  const int pair = (panel - a.panel_begin) / 2, pairs = (a.panel_end - a.panel_begin + 1) / 2;
  const Next next = After(a, walk, panel, k, k_end);
  const int w_lines = (16 + row_pairs - 1) / row_pairs;
  const int x_lines = walk.order == kPanelsFirst ? 0 : (32 + pairs - 1) / pairs;
  const char* ahead_w = next.w;

  float* const first = a.y + walk.row_begin * c_stride + (panel - a.panel_begin) * 16;
  float* c = first;
  START(0, c);
  START(1, c + 16);
  START(2, c + 16 * c_stride);
  START(3, c + 16 * c_stride + 16);
  for (int row = walk.row_begin; row < row_end; row += 32) {
    const bool more = row + 32 < row_end;
    float* const c_next = more ? c + 32 * c_stride : first + 32;
    ptrdiff_t block_bytes, ignored;
    const char* x = XTiles(a, k, row, &block_bytes);
    const char* w = (const char*)a.w + panel * panel_bytes + (ptrdiff_t)k * 32;
    const char* ahead_x = XTiles(a, next.x_k, row, &ignored) + (ptrdiff_t)pair * x_lines * steps * 64;
    const auto ahead = [&](int s) __attribute__((always_inline)) {
      PrefetchC(c_next + (s & 15) * 2 * c_stride, c_stride);
      for (int line = 0; line < x_lines; ++line) _mm_prefetch(ahead_x + line * 64, _MM_HINT_T1);
      for (int line = 0; line < w_lines; ++line) {
        _mm_prefetch(ahead_w + line * 64, _MM_HINT_T1);
        _mm_prefetch(ahead_w + panel_bytes + line * 64, _MM_HINT_T1);
      }
      ahead_x += x_lines * 64;
      ahead_w += w_lines * 64;
    };
    for (int s = 0; s < steps - 1; ++s) {
      LACUNA_TILE_LOAD(6, w, 64);
      LACUNA_TILE_LOAD_STREAM(4, x, 64);
      LACUNA_TILE_DPBF16PS(0, 4, 6);
      LACUNA_TILE_LOAD(7, w + panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(1, 4, 7);
      ahead(s);
      LACUNA_TILE_LOAD_STREAM(5, x + block_bytes, 64);
      LACUNA_TILE_DPBF16PS(2, 5, 6);
      LACUNA_TILE_DPBF16PS(3, 5, 7);
      x += 1024;
      w += 1024;
    }
    LACUNA_TILE_LOAD(6, w, 64);
    LACUNA_TILE_LOAD_STREAM(4, x, 64);
    LACUNA_TILE_DPBF16PS(0, 4, 6);
    ahead(steps - 1);
    LACUNA_TILE_LOAD(7, w + panel_bytes, 64);
    LACUNA_TILE_STORE(0, c, stride);
    if (more) START(0, c_next);
    LACUNA_TILE_DPBF16PS(1, 4, 7);
    LACUNA_TILE_LOAD_STREAM(5, x + block_bytes, 64);
    LACUNA_TILE_STORE(1, c + 16, stride);
    if (more) START(1, c_next + 16);
    LACUNA_TILE_DPBF16PS(2, 5, 6);
    LACUNA_TILE_STORE(2, c + 16 * c_stride, stride);
    if (more) START(2, c_next + 16 * c_stride);
    LACUNA_TILE_DPBF16PS(3, 5, 7);
    LACUNA_TILE_STORE(3, c + 16 * c_stride + 16, stride);
    if (more) START(3, c_next + 16 * c_stride + 16);
    c = c_next;
  }
}

// R row blocks x P panels over columns [k, k_end) of one chunk, with C anywhere: what PairChunk leaves over. Alone
// means that w comes from memory for these rows.
template <int R, int P, bool kAlone>
inline void OneChunk(const LinearBf16Args& a, int panel, int row, int k, int k_end, bool zero, float* c,
                     ptrdiff_t c_stride) {
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32, stride = c_stride * 4;
  const char* w = (const char*)a.w + panel * panel_bytes + (ptrdiff_t)k * 32;
  ptrdiff_t block_bytes;
  const char* x = XTiles(a, k, row, &block_bytes);
  START(0, c);
  if constexpr (P > 1) START(1, c + 16);
  if constexpr (R > 1) START(2, c + 16 * c_stride);
  if constexpr (R > 1 && P > 1) START(3, c + 16 * c_stride + 16);
  for (int s = (k_end - k) / 32; s > 0; --s) {
    if constexpr (kAlone) PrefetchTiles<P>(w + kAhead, panel_bytes);
    LACUNA_TILE_LOAD(6, w, 64);
    LACUNA_TILE_LOAD(4, x, 64);
    LACUNA_TILE_DPBF16PS(0, 4, 6);
    if constexpr (P > 1) {
      LACUNA_TILE_LOAD(7, w + panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(1, 4, 7);
    }
    if constexpr (R > 1) {
      LACUNA_TILE_LOAD(5, x + block_bytes, 64);
      LACUNA_TILE_DPBF16PS(2, 5, 6);
    }
    if constexpr (R > 1 && P > 1) LACUNA_TILE_DPBF16PS(3, 5, 7);
    x += 1024;
    w += 1024;
  }
  LACUNA_TILE_STORE(0, c, stride);
  if constexpr (P > 1) LACUNA_TILE_STORE(1, c + 16, stride);
  if constexpr (R > 1) LACUNA_TILE_STORE(2, c + 16 * c_stride, stride);
  if constexpr (R > 1 && P > 1) LACUNA_TILE_STORE(3, c + 16 * c_stride + 16, stride);
}

#undef START

// Two row blocks x P panels over columns [k, k_end): one chunk that goes on from y (or from zero when it is the first),
// or a segment of several, which starts from zero and is added to y.
template <int P, bool kAlone>
inline void Block(const LinearBf16Args& a, int panel, int row, int k, int k_end, bool segment) {
  const int rows = a.m - row < 32 ? a.m - row : 32;
  float* y = a.y + row * a.y_stride + (panel - a.panel_begin) * 16;
  if (rows == 32 && !segment) return OneChunk<2, P, kAlone>(a, panel, row, k, k_end, k == 0, y, a.y_stride);
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
      OneChunk<2, P, kAlone>(a, panel, row, k1, k2, zero, c, 32);
    } else {
      OneChunk<1, P, kAlone>(a, panel, row, k1, k2, zero, c, 32);
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

}  // namespace

void AmxLinearBf16Block(const LinearBf16Args& a) {
  const bool segmented = a.k_segment > 0 && a.k_segment < a.k_padded;
  const int width = segmented ? a.k_segment : kTileChunk;
  for (int group = 0; group < a.m; group += kGroupRows) {
    const int group_end = a.m - group < kGroupRows ? a.m : group + kGroupRows;
    const ptrdiff_t x_bytes = (ptrdiff_t)(group_end - group) * a.k_padded * 2;
    const Walk walk{x_bytes <= kBytesOfXInL2 ? kPanelsFirst : kChunksFirst, group, group_end};
    // One of the two outer loops turns once.
    const int outer_panels = walk.order == kPanelsFirst ? 2 : a.panel_end - a.panel_begin;
    for (int begin = a.panel_begin; begin < a.panel_end; begin += outer_panels) {
      const int end = begin + outer_panels < a.panel_end ? begin + outer_panels : a.panel_end;
      for (int k = 0; k < a.k_padded; k += width) {
        const int k_end = a.k_padded - k < width ? a.k_padded : k + width;
        for (int panel = begin; panel < end; panel += 2) {
          int row = group;
          if (group_end - group <= 32) {
            if (panel + 2 <= end) {
              Block<2, true>(a, panel, row, k, k_end, segmented);
            } else {
              Block<1, true>(a, panel, row, k, k_end, segmented);
            }
            continue;
          }
          if (panel + 2 <= end && !segmented) {
            row = group + (group_end - group) / 32 * 32;
            PairChunk(a, walk, panel, row, k, k_end);
          }
          for (; row < group_end; row += 32) {
            if (panel + 2 <= end) {
              Block<2, false>(a, panel, row, k, k_end, segmented);
            } else {
              Block<1, false>(a, panel, row, k, k_end, segmented);
            }
          }
        }
      }
    }
  }
}

}  // namespace lacuna::kernels
