// bf16 weights by TDPBF16PS, more than 16 rows: 2 row blocks x 2 panels, so each step's 4 tile loads serve 4 products.
//
//   tmm0-3 C [row block][panel]     tmm4,5 A     tmm6,7 B
//
// K is cut into chunks of 512: a chunk of two panels (32 KiB) stays in L1 while x passes from L2 with the streaming
// hint. Without the hint x pushes w out of L1, and tiles from L2 on both sides are worth 66 % of the peak instead of 95
// %. C goes through y between chunks, which the contract allows, at a price of a sixth; longer chunks do not fit L1.
//
//   x fits L2      for panels: for chunks: for rows       w is read from memory in order
//   x does not     for chunks: for panels: for rows       a chunk of x stays in L2 for all panels of the call (32 are
//                                                         best), 256 rows at a time
//
// (A chunk of x in L1 and w from L2 loses: panels are K apart, often on the same cache sets.) Every step prefetches its
// part of what comes next: w and the next chunk of x to L2, C to L1.
#include <immintrin.h>

#include "kernels/amx/linear.h"
#include "kernels/amx/tile.h"

namespace lacuna::kernels {
namespace {

// More rows at once cost more L2 (C and two chunks of x) than the second walk over w costs.
enum { kBytesOfXInL2 = 768 * 1024, kGroupRows = 256 };

enum Order { kPanelsFirst, kChunksFirst };

// The rows of one walk over the weights, and its order.
struct Walk {
  Order order;
  int row_begin, row_end;
};

// Lines to fetch in each step, from each of two places for w (its two panels).
struct Ahead {
  const char* x;
  int x_lines;
  const char* w;
  int w_lines;
  const float* c;  // two rows of two panels a step
};

struct Chunk {
  const char* x;
  ptrdiff_t block_bytes;  // from a row block to the next
  const char* w;
  ptrdiff_t panel_bytes;
  int steps;
  bool zero;  // C begins at zero instead of what is there
  Ahead ahead;
};

inline __attribute__((always_inline)) void PrefetchC(const float* c, ptrdiff_t c_stride) {
  _mm_prefetch((const char*)c, _MM_HINT_T0);
  _mm_prefetch((const char*)(c + 16), _MM_HINT_T0);
  _mm_prefetch((const char*)(c + c_stride), _MM_HINT_T0);
  _mm_prefetch((const char*)(c + c_stride + 16), _MM_HINT_T0);
}

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
  const char* ahead_x = chunk.ahead.x;
  const char* ahead_w = chunk.ahead.w;
  for (int s = 0; s < chunk.steps; ++s) {
    LACUNA_TILE_LOAD(6, w, 64);
    LACUNA_TILE_LOAD_STREAM(4, x, 64);
    LACUNA_TILE_DPBF16PS(0, 4, 6);
    PrefetchC(chunk.ahead.c + (s & 15) * 2 * c_stride, c_stride);
    if constexpr (P > 1) {
      LACUNA_TILE_LOAD(7, w + chunk.panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(1, 4, 7);
    }
    for (int line = 0; line < chunk.ahead.x_lines; ++line) _mm_prefetch(ahead_x + line * 64, _MM_HINT_T1);
    if constexpr (R > 1) {
      LACUNA_TILE_LOAD_STREAM(5, x + chunk.block_bytes, 64);
      LACUNA_TILE_DPBF16PS(2, 5, 6);
    }
    for (int line = 0; line < chunk.ahead.w_lines; ++line) {
      _mm_prefetch(ahead_w + line * 64, _MM_HINT_T1);
      _mm_prefetch(ahead_w + chunk.panel_bytes + line * 64, _MM_HINT_T1);
    }
    if constexpr (R > 1 && P > 1) LACUNA_TILE_DPBF16PS(3, 5, 7);
    x += 1024;
    w += 1024;
    ahead_x += chunk.ahead.x_lines * 64;
    ahead_w += chunk.ahead.w_lines * 64;
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

// P panels x R row blocks over columns [k, k_end) of one chunk.
template <int R, int P>
inline void OneChunk(const LinearBf16Args& a, const Walk& walk, int panel, int row, int k, int k_end, bool zero,
                     float* c, ptrdiff_t c_stride) {
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32;
  const int steps = (k_end - k) / 32;
  const int row_pair = (row - walk.row_begin) / 32, row_pairs = (walk.row_end - walk.row_begin + 31) / 32;
  const int pair = (panel - a.panel_begin) / 2, pairs = (a.panel_end - a.panel_begin + 1) / 2;
  const char* w = (const char*)a.w + panel * panel_bytes + (ptrdiff_t)k * 32;
  ptrdiff_t block_bytes;
  const char* x = XTiles(a, k, row, &block_bytes);
  // What comes after this chunk of these panels; behind the last of all, the panels of the next call (perhaps of
  // nothing: a prefetch may miss).
  const int next_k = k_end < a.k_padded ? k_end : 0;
  const int next_panel = walk.order == kPanelsFirst ? (next_k > 0 ? panel : panel + P)
                         : panel + P < a.panel_end  ? panel + P
                         : next_k > 0               ? a.panel_begin
                                                    : a.panel_end;
  const int next_w_k = walk.order == kPanelsFirst || panel + P >= a.panel_end ? next_k : k;
  Ahead ahead;
  ahead.w_lines = (16 + row_pairs - 1) / row_pairs;
  ahead.w = (const char*)a.w + next_panel * panel_bytes + (ptrdiff_t)next_w_k * 32 +
            (ptrdiff_t)row_pair * ahead.w_lines * steps * 64;
  ptrdiff_t ignored;
  ahead.x_lines = walk.order == kPanelsFirst ? 0 : (32 + pairs - 1) / pairs;
  ahead.x = XTiles(a, next_k, row, &ignored) + (ptrdiff_t)pair * ahead.x_lines * steps * 64;
  ahead.c = row + 32 < walk.row_end ? c + 32 * c_stride
                                    : a.y + walk.row_begin * a.y_stride + (panel + P - a.panel_begin) * 16;
  RunChunk<R, P>({x, block_bytes, w, panel_bytes, steps, zero, ahead}, c, c_stride);
}

// Two row blocks x P panels over columns [k, k_end): one chunk that goes on from y (or from zero when it is the first),
// or a segment of several, which starts from zero and is added to y.
template <int P>
inline void Block(const LinearBf16Args& a, const Walk& walk, int panel, int row, int k, int k_end, bool segment) {
  const int rows = a.m - row < 32 ? a.m - row : 32;
  float* y = a.y + row * a.y_stride + (panel - a.panel_begin) * 16;
  if (rows == 32 && !segment) return OneChunk<2, P>(a, walk, panel, row, k, k_end, k == 0, y, a.y_stride);
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
      OneChunk<2, P>(a, walk, panel, row, k1, k2, zero, c, 32);
    } else {
      OneChunk<1, P>(a, walk, panel, row, k1, k2, zero, c, 32);
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
          for (int row = group; row < group_end; row += 32) {
            if (panel + 2 <= end) {
              Block<2>(a, walk, panel, row, k, k_end, segmented);
            } else {
              Block<1>(a, walk, panel, row, k, k_end, segmented);
            }
          }
        }
      }
    }
  }
}

}  // namespace lacuna::kernels
