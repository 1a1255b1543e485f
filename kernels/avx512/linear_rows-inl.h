// Few rows times a weight that streams from memory, panel by panel, for any way of multiplying (Dot):
//
//   registers     w    one row of the panel: 16 channels x 2 k, loaded once for all M rows of x
//                 e,o  [M] the two chains of a 32-wide step; they start from zero at each step, so the processor
//                      overlaps steps by itself and even M = 1 has more than four chains in flight
//                 c    [M] the sum over steps
//   x             [k][M] (kWide, kHalves): every broadcast is a memory operand off one pointer
//   w             one sequential stream, prefetched kAhead bytes ahead, across panels
//
// M = 8 needs 8 * 3 + 2 registers. Template-only, in the including file's anonymous namespace: no weak symbols.
#pragma once

#include <immintrin.h>

#include "kernels/linear.h"

namespace lacuna::kernels {
namespace {

constexpr ptrdiff_t kAhead = 4096;

// One segment of one panel: c[i] = dot of row i over `steps` steps of 32 k.
template <class Dot, int M>
inline __attribute__((always_inline)) void SegmentDot(const char* w, const float* x, int steps, __m512* c) {
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) c[i] = _mm512_setzero_ps();
  for (int s = 0; s < steps; ++s) {
    __m512 e[M], o[M];
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) e[i] = o[i] = _mm512_setzero_ps();
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      _mm_prefetch(w + kAhead + p * 64, _MM_HINT_T0);
      const __m512i row = _mm512_load_si512(w + p * 64);
      const __m512 even = Dot::Even(row), odd = Dot::Odd(row);
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        e[i] = Dot::Fma(x[2 * p * M + i], even, e[i]);
        o[i] = Dot::Fma(x[(2 * p + 1) * M + i], odd, o[i]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) c[i] = _mm512_add_ps(c[i], _mm512_add_ps(e[i], o[i]));
    w += 1024;
    x += 32 * M;
  }
}

template <class Dot, int M>
void LinearRows(const LinearBf16Args& a) {
  const float* x = (const float*)a.x;
  const int segment = a.k_segment > 0 && a.k_segment < a.k_padded ? a.k_segment : a.k_padded;
  for (int p = a.panel_begin; p < a.panel_end; ++p) {
    const char* panel = (const char*)(a.w + (ptrdiff_t)p * 16 * a.k_padded);
    float* y = a.y + (ptrdiff_t)(p - a.panel_begin) * 16;
    for (int k = 0; k < a.k_padded; k += segment) {
      const int width = a.k_padded - k < segment ? a.k_padded - k : segment;
      __m512 c[M];
      SegmentDot<Dot, M>(panel + (ptrdiff_t)k * 32, x + (ptrdiff_t)k * M, width / 32, c);
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        float* to = y + i * a.y_stride;
        _mm512_storeu_ps(to, k == 0 ? c[i] : _mm512_add_ps(_mm512_loadu_ps(to), c[i]));
      }
    }
  }
}

// m = 1..8.
template <class Dot>
inline void LinearRowsUpTo8(const LinearBf16Args& a) {
  switch (a.m) {
    case 1:
      return LinearRows<Dot, 1>(a);
    case 2:
      return LinearRows<Dot, 2>(a);
    case 3:
      return LinearRows<Dot, 3>(a);
    case 4:
      return LinearRows<Dot, 4>(a);
    case 5:
      return LinearRows<Dot, 5>(a);
    case 6:
      return LinearRows<Dot, 6>(a);
    case 7:
      return LinearRows<Dot, 7>(a);
    default:
      return LinearRows<Dot, 8>(a);
  }
}

}  // namespace
}  // namespace lacuna::kernels
