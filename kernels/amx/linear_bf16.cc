// bf16 weights by TDPBF16PS, which is the contract's step on a whole tile: c = c + (even chain + odd chain).
//
// Here m <= 16 (linear_bf16_block.cc has more): tiles of m rows, so that results are stored as they are. 1 x 4 panels:
// four accumulators hide the instruction's latency; w streams from memory once.
//   tmm0-3 C of panel 0-3     tmm4 A     tmm5-7 B in turn
#include "kernels/amx/linear.h"

#include <immintrin.h>

#include "kernels/amx/tile.h"

namespace lacuna::kernels {
namespace {

constexpr ptrdiff_t kAhead = 4096;  // bytes between a tile load of w and its prefetch

// The same tile of P panels. All before the first load, line by line: that order is worth 4 % of the bandwidth.
template <int P>
inline __attribute__((always_inline)) void PrefetchTiles(const char* tile, ptrdiff_t panel_bytes) {
#pragma GCC unroll 16
  for (int r = 0; r < 16; ++r) {
#pragma GCC unroll 4
    for (int q = 0; q < P; ++q) _mm_prefetch(tile + q * panel_bytes + r * 64, _MM_HINT_T0);
  }
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
    PrefetchTiles<P>(w + kAhead, panel_bytes);
    LACUNA_TILE_LOAD(5, w, 64);
    LACUNA_TILE_DPBF16PS(0, 4, 5);
    if constexpr (P > 1) {
      LACUNA_TILE_LOAD(6, w + panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(1, 4, 6);
    }
    if constexpr (P > 2) {
      LACUNA_TILE_LOAD(7, w + 2 * panel_bytes, 64);
      LACUNA_TILE_DPBF16PS(2, 4, 7);
    }
    if constexpr (P > 3) {
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

}  // namespace lacuna::kernels
