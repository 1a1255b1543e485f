// Steps of the bf16 dot for AVX2 and FMA: one panel (two vectors of 8 channels) x up to 3 rows.
//
//   registers     e,o [3 rows][2 halves] = 12;  the even or the odd k of a panel's row, 2 halves = 2;  a broadcast; a
//   mask w             rows of a panel, 32 k (1 KiB) a step      x   kWide in blocks of R rows     c   [R][16 channels]
//
// Template-only, in the including file's anonymous namespace: no weak symbols.
#pragma once

#include <immintrin.h>
#include <stddef.h>

namespace lacuna::kernels {
namespace {

// kAhead: bytes in front that are asked for from memory, 0 where w lies in L1.
template <int R, int kAhead>
void Steps(const char* w, int steps, const float* x, float* c) {
  const __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000u));
  for (int s = 0; s < steps; ++s) {
    __m256 e[R][2], o[R][2];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) e[i][0] = e[i][1] = o[i][0] = o[i][1] = _mm256_setzero_ps();
#pragma GCC unroll 4
    for (int p = 0; p < 16; ++p) {
      const char* row = w + p * 64;
      if (kAhead > 0) _mm_prefetch(row + kAhead, _MM_HINT_T0);
      const __m256 e0 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_load_si256((const __m256i*)row), 16));
      const __m256 e1 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_load_si256((const __m256i*)(row + 32)), 16));
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) {
        const __m256 xe = _mm256_broadcast_ss(x + 2 * p * R + i);
        e[i][0] = _mm256_fmadd_ps(xe, e0, e[i][0]);
        e[i][1] = _mm256_fmadd_ps(xe, e1, e[i][1]);
      }
      const __m256 o0 = _mm256_and_ps(_mm256_load_ps((const float*)row), mask);
      const __m256 o1 = _mm256_and_ps(_mm256_load_ps((const float*)(row + 32)), mask);
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) {
        const __m256 xo = _mm256_broadcast_ss(x + (2 * p + 1) * R + i);
        o[i][0] = _mm256_fmadd_ps(xo, o0, o[i][0]);
        o[i][1] = _mm256_fmadd_ps(xo, o1, o[i][1]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
      for (int h = 0; h < 2; ++h) {
        float* to = c + i * 16 + h * 8;
        _mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), _mm256_add_ps(e[i][h], o[i][h])));
      }
    }
    w += 1024;
    x += 32 * R;
  }
}

// The same for all `rows` (c has 16 floats a row): x begins at the first row's block, its rows k_padded long, and the
// dot at k.
template <int kAhead>
inline void StepsOfRows(const char* w, int steps, const float* x, ptrdiff_t k_padded, int k, int rows, float* c) {
  for (int row = 0; row < rows; row += 3) {
    const int block = rows - row < 3 ? rows - row : 3;
    const float* from = x + row * k_padded + (ptrdiff_t)k * block;
    if (block == 3) {
      Steps<3, kAhead>(w, steps, from, c + row * 16);
    } else if (block == 2) {
      Steps<2, kAhead>(w, steps, from, c + row * 16);
    } else {
      Steps<1, kAhead>(w, steps, from, c + row * 16);
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
