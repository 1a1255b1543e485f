// Many rows times a weight, register-blocked: 2 panels x 6 rows, an even and an odd chain each.
//
//   registers     e,o  2 x 6 each = 24;  two panels' row of w (even, odd) = 4;  one broadcast of x
//   w             two steps of two panels, made ready for Dot once in an L1 buffer (8 KiB), used by 48 rows;
//                 fetched 4 KiB ahead into L2: 16 rows on Zen 4 get 72 % of the peak, 64 into L1
//   c             [48 rows][32 channels] on the stack: c + (e + o) once a step is 2 of 34 operations either way
//   x             kWide or kHalves with blocks of 6 rows; the next block's, in another page, is fetched meanwhile
//
// f32 FMA: 24 an unrolled pair against 4 + 12 loads, so the two FMA ports bound it. Template-only, in the including
// file's anonymous namespace: no weak symbols.
#pragma once

#include <immintrin.h>

#include "kernels/linear.h"

namespace lacuna::kernels {
namespace {

enum { kBlockRows = 6, kGroupRows = 48, kChunkSteps = 2 };

// One ready step: [pair p][panel q]{even, odd}.
template <int P>
struct ReadyStep {
  __m512 even[16][P];
  __m512 odd[16][P];
};

template <class Dot, int P, int R>
inline __attribute__((always_inline)) void BlockStep(const ReadyStep<P>* w, const float* x, const float* next,
                                                     float* c) {
  __m512 e[R][P], o[R][P];
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
    for (int q = 0; q < P; ++q) e[i][q] = o[i][q] = _mm512_setzero_ps();
  }
#pragma GCC unroll 4
  for (int p = 0; p < 16; ++p) {
    if (p < 2 * R) _mm_prefetch((const char*)next + 64 * p, _MM_HINT_T0);
    __m512 even[P], odd[P];
#pragma GCC unroll 2
    for (int q = 0; q < P; ++q) {
      even[q] = w->even[p][q];
      odd[q] = w->odd[p][q];
    }
#pragma GCC unroll 8
    for (int i = 0; i < R; ++i) {
      const float &xe = x[2 * p * R + i], &xo = x[(2 * p + 1) * R + i];
#pragma GCC unroll 2
      for (int q = 0; q < P; ++q) e[i][q] = Dot::Fma(xe, even[q], e[i][q]);
#pragma GCC unroll 2
      for (int q = 0; q < P; ++q) o[i][q] = Dot::Fma(xo, odd[q], o[i][q]);
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
    for (int q = 0; q < P; ++q) {
      float* to = c + i * 32 + q * 16;
      _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), _mm512_add_ps(e[i][q], o[i][q])));
    }
  }
}

template <class Dot, int P, int R>
void BlockSteps(const ReadyStep<P>* w, int steps, const float* x, const float* next, float* c) {
  for (int s = 0; s < steps; ++s) BlockStep<Dot, P, R>(w + s, x + s * 32 * R, next + s * 32 * R, c);
}

template <class Dot, int P>
inline void BlockTail(const ReadyStep<P>* w, int steps, const float* x, const float* next, int rows, float* c) {
  switch (rows) {
    case 1:
      return BlockSteps<Dot, P, 1>(w, steps, x, next, c);
    case 2:
      return BlockSteps<Dot, P, 2>(w, steps, x, next, c);
    case 3:
      return BlockSteps<Dot, P, 3>(w, steps, x, next, c);
    case 4:
      return BlockSteps<Dot, P, 4>(w, steps, x, next, c);
    case 5:
      return BlockSteps<Dot, P, 5>(w, steps, x, next, c);
    default:
      return BlockSteps<Dot, P, 6>(w, steps, x, next, c);
  }
}

// c += of `rows` rows over the ready steps, which begin at k; x: the first of the rows.
template <class Dot, int P>
inline void BlockGroup(const ReadyStep<P>* w, int steps, const float* x, ptrdiff_t k_padded, int k, int rows,
                       float* c) {
  for (int row = 0; row < rows; row += kBlockRows) {
    const int block = rows - row < kBlockRows ? rows - row : kBlockRows;
    const int after = row + block < rows ? row + block : 0, next_k = after > 0 ? k : k + 32 * steps;
    const int next_block = rows - after < kBlockRows ? rows - after : kBlockRows;
    BlockTail<Dot, P>(w, steps, x + row * k_padded + (ptrdiff_t)k * block,
                      x + after * k_padded + (ptrdiff_t)next_k * next_block, block, c + row * 32);
  }
}

// P panels from `panel` on, for all rows.
template <class Dot, int P>
void BlockPanels(const LinearBf16Args& a, int panel) {
  ReadyStep<P> ready[kChunkSteps];
  alignas(64) float c[kGroupRows * 32];
  const char* w = (const char*)(a.w + (ptrdiff_t)panel * 16 * a.k_padded);
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32;
  const int segment = a.k_segment > 0 && a.k_segment < a.k_padded ? a.k_segment : a.k_padded;
  for (int row0 = 0; row0 < a.m; row0 += kGroupRows) {
    const int rows = a.m - row0 < kGroupRows ? a.m - row0 : kGroupRows;
    const float* x = (const float*)a.x + (ptrdiff_t)row0 * a.k_padded;
    for (int k0 = 0; k0 < a.k_padded; k0 += segment) {
      const int k1 = a.k_padded - k0 < segment ? a.k_padded : k0 + segment;
      for (int i = 0; i < rows * 2; ++i) _mm512_store_ps(c + i * 16, _mm512_setzero_ps());
      for (int k = k0; k < k1; k += 32 * kChunkSteps) {
        const int steps = (k1 - k) / 32 < kChunkSteps ? (k1 - k) / 32 : kChunkSteps;
        for (int s = 0; s < steps; ++s) {
          for (int q = 0; q < P; ++q) {
            const char* tile = w + q * panel_bytes + (ptrdiff_t)(k + 32 * s) * 32;
#pragma GCC unroll 4
            for (int p = 0; p < 16; ++p) {
              _mm_prefetch(tile + 4096 + p * 64, _MM_HINT_T1);
              const __m512i row = _mm512_load_si512(tile + p * 64);
              ready[s].even[p][q] = Dot::Even(row);
              ready[s].odd[p][q] = Dot::Odd(row);
            }
          }
        }
        BlockGroup<Dot, P>(ready, steps, x, a.k_padded, k, rows, c);
      }
      for (int i = 0; i < rows; ++i) {
        for (int q = 0; q < P; ++q) {
          float* to = a.y + (row0 + i) * a.y_stride + (panel - a.panel_begin + q) * 16;
          const __m512 sum = _mm512_load_ps(c + i * 32 + q * 16);
          _mm512_storeu_ps(to, k0 == 0 ? sum : _mm512_add_ps(_mm512_loadu_ps(to), sum));
        }
      }
    }
  }
}

template <class Dot>
inline void LinearBlock(const LinearBf16Args& a) {
  int panel = a.panel_begin;
  for (; panel + 2 <= a.panel_end; panel += 2) BlockPanels<Dot, 2>(a, panel);
  if (panel < a.panel_end) BlockPanels<Dot, 1>(a, panel);
}

}  // namespace
}  // namespace lacuna::kernels
