// Few rows times a weight that streams from memory, for any way of multiplying (Dot): M rows x P panels at a time.
//
//   registers     w    one row of a panel: 16 channels x 2 k, loaded once for all M rows of x
//                 e,o  [P][M] the two chains of a 32-wide step; they start from zero at each step, so the processor
//                      overlaps steps by itself and even one row has more than four chains in flight
//                 c    [P][M] the sum over steps
//   x             [k][M] (kWide, kHalves): every broadcast is a memory operand off one pointer
//   w             P sequential streams, prefetched kAhead bytes ahead. One core of Intel's gets about 10 % more from
//                 memory with four streams than with one, so P = 4 up to 2 rows, 2 up to 4 rows, then 1: 3 P M + 2
//                 registers. kStream: P = 1, which AMD wants; on Zen 4 1 to 4 rows get 94 to 100 % of the streaming
//                 bandwidth (28672 x 4096, 35 GB/s) instead of 70 to 90. Up to 2 rows a prefetch only costs; from 3 on
//                 it is needed, and into L2: 8 rows get 91 % of the product's peak, 71 into L1, 63 without.
//
// Template-only, in the including file's anonymous namespace: no weak symbols.
#pragma once

#include <immintrin.h>

#include "kernels/linear.h"

namespace lacuna::kernels {
namespace {

constexpr ptrdiff_t kAhead = 2048;

// One segment of P panels: c[q][i] = dot of row i with panel q over `steps` steps of 32 k.
template <class Dot, bool kStream, int M, int P>
inline __attribute__((always_inline)) void SegmentDot(const char* w, ptrdiff_t panel_bytes, const float* x, int steps,
                                                      __m512 (*c)[M]) {
#pragma GCC unroll 4
  for (int q = 0; q < P; ++q) {
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) c[q][i] = _mm512_setzero_ps();
  }
  for (int s = 0; s < steps; ++s) {
    __m512 e[P][M], o[P][M];
#pragma GCC unroll 4
    for (int q = 0; q < P; ++q) {
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) e[q][i] = o[q][i] = _mm512_setzero_ps();
    }
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      // Panels that share a broadcast: both of two, since 8 broadcasts kept for the second would not leave enough
      // registers; four panels' even and odd k would not fit either, and their 4 broadcasts do.
      constexpr int kShare = P == 2 ? 2 : 1;
#pragma GCC unroll 4
      for (int first = 0; first < P; first += kShare) {
        __m512 even[kShare], odd[kShare];
#pragma GCC unroll 2
        for (int q = 0; q < kShare; ++q) {
          const char* at = w + (first + q) * panel_bytes + p * 64;
          if (!kStream) _mm_prefetch(at + kAhead, _MM_HINT_T0);
          if (kStream && M > 2) _mm_prefetch(at + 2 * kAhead, _MM_HINT_T1);
          const __m512i row = _mm512_load_si512(at);
          even[q] = Dot::Even(row);
          odd[q] = Dot::Odd(row);
        }
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i) {
          const float &xe = x[2 * p * M + i], &xo = x[(2 * p + 1) * M + i];
#pragma GCC unroll 2
          for (int q = 0; q < kShare; ++q) e[first + q][i] = Dot::Fma(xe, even[q], e[first + q][i]);
#pragma GCC unroll 2
          for (int q = 0; q < kShare; ++q) o[first + q][i] = Dot::Fma(xo, odd[q], o[first + q][i]);
        }
      }
    }
#pragma GCC unroll 4
    for (int q = 0; q < P; ++q) {
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) c[q][i] = _mm512_add_ps(c[q][i], _mm512_add_ps(e[q][i], o[q][i]));
    }
    w += 1024;
    x += 32 * M;
  }
}

template <class Dot, bool kStream, int M, int P>
inline void PanelRows(const LinearBf16Args& a, int panel) {
  const float* x = (const float*)a.x;
  const int segment = a.k_segment > 0 && a.k_segment < a.k_padded ? a.k_segment : a.k_padded;
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32;
  const char* w = (const char*)a.w + panel * panel_bytes;
  float* y = a.y + (ptrdiff_t)(panel - a.panel_begin) * 16;
  for (int k = 0; k < a.k_padded; k += segment) {
    const int width = a.k_padded - k < segment ? a.k_padded - k : segment;
    __m512 c[P][M];
    SegmentDot<Dot, kStream, M, P>(w + (ptrdiff_t)k * 32, panel_bytes, x + (ptrdiff_t)k * M, width / 32, c);
#pragma GCC unroll 4
    for (int q = 0; q < P; ++q) {
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        float* to = y + i * a.y_stride + q * 16;
        _mm512_storeu_ps(to, k == 0 ? c[q][i] : _mm512_add_ps(_mm512_loadu_ps(to), c[q][i]));
      }
    }
  }
}

template <class Dot, bool kStream, int M>
void LinearRows(const LinearBf16Args& a) {
  constexpr int kPanels = kStream ? 1 : M <= 2 ? 4 : M <= 4 ? 2 : 1;
  int panel = a.panel_begin;
  if constexpr (kPanels > 1) {
    for (; panel + kPanels <= a.panel_end; panel += kPanels) PanelRows<Dot, kStream, M, kPanels>(a, panel);
  }
  for (; panel < a.panel_end; ++panel) PanelRows<Dot, kStream, M, 1>(a, panel);
}

// m = 1..8.
template <class Dot, bool kStream = false>
inline void LinearRowsUpTo8(const LinearBf16Args& a) {
  switch (a.m) {
    case 1:
      return LinearRows<Dot, kStream, 1>(a);
    case 2:
      return LinearRows<Dot, kStream, 2>(a);
    case 3:
      return LinearRows<Dot, kStream, 3>(a);
    case 4:
      return LinearRows<Dot, kStream, 4>(a);
    case 5:
      return LinearRows<Dot, kStream, 5>(a);
    case 6:
      return LinearRows<Dot, kStream, 6>(a);
    case 7:
      return LinearRows<Dot, kStream, 7>(a);
    default:
      return LinearRows<Dot, kStream, 8>(a);
  }
}

}  // namespace
}  // namespace lacuna::kernels
