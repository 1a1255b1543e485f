// Pieces that the AVX-512 and AMX kernels share; each repeats the reference operation by operation (kernels/ref/).
// For kernel files only: `static inline`, no templates, nothing of the standard library.
#pragma once

#include <immintrin.h>

#include "base/bf16.h"

namespace lacuna::kernels {

// exp of kernels/ref/exp-inl.h for x <= 0 or NaN: no upper bound to keep. The reference's last two products scale by
// powers of two exactly, overflow to inf and flush below 2^-126, which is what one VSCALEFPS does.
static inline __m512 ExpNonPositiveAvx512(__m512 x) {
  const __m512 t = _mm512_max_ps(_mm512_set1_ps(-105.0f), x);
  const __m512 shift = _mm512_set1_ps(12582912.0f);
  const __m512 n = _mm512_sub_ps(_mm512_fmadd_ps(t, _mm512_set1_ps(0x1.715476p+0f), shift), shift);
  __m512 r = _mm512_fmadd_ps(n, _mm512_set1_ps(-0x1.62e430p-1f), t);
  r = _mm512_fmadd_ps(n, _mm512_set1_ps(0x1.05c610p-29f), r);
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0x1.6ac74ep-10f), r, _mm512_set1_ps(0x1.123de0p-7f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.555858p-5f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.55548cp-3f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0x1.fffffcp-2f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_scalef_ps(p, n);
}

// The same for all x: min and max commute with each other and keep NaN, which is their second operand.
static inline __m512 ExpAvx512(__m512 x) { return ExpNonPositiveAvx512(_mm512_min_ps(_mm512_set1_ps(89.0f), x)); }

// The lanes of a sum added 8, 4, 2, 1 apart.
static inline float AddLanesAvx512(__m512 x) {
  const __m256 by8 = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}

// ToBf16 of base/bf16.h in 16 lanes.
static inline __m256i ToBf16Avx512(__m512 x) {
  const __m512i u = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  __m512i y = _mm512_add_epi32(_mm512_add_epi32(u, odd), _mm512_set1_epi32(0x7fff));
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __mmask16 zero = _mm512_testn_epi32_mask(u, _mm512_set1_epi32(0x7f800000));
  y = _mm512_mask_or_epi32(y, nan, u, _mm512_set1_epi32(0x400000));
  y = _mm512_mask_and_epi32(y, zero, u, _mm512_set1_epi32((int)0x80000000u));
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(y, 16));
}

// The lanes below `count`, which may exceed 16.
static inline __mmask16 FirstLanes(int count) { return (__mmask16)(count >= 16 ? 0xffff : (1 << count) - 1); }

}  // namespace lacuna::kernels
