// Pieces that the AVX2 kernels share; each repeats the reference operation by operation (kernels/ref/).
// For kernel files only: `static inline`, no templates, nothing of the standard library.
#pragma once

#include <immintrin.h>

#include "base/bf16.h"

namespace lacuna::kernels {

// exp of kernels/ref/exp-inl.h.
static inline __m256 ExpAvx2(__m256 x) {
  __m256 t = _mm256_max_ps(_mm256_set1_ps(-105.0f), x);
  t = _mm256_min_ps(_mm256_set1_ps(89.0f), t);
  const __m256 shift = _mm256_set1_ps(12582912.0f);
  const __m256 shifted = _mm256_fmadd_ps(t, _mm256_set1_ps(0x1.715476p+0f), shift);
  const __m256 n = _mm256_sub_ps(shifted, shift);
  const __m256i exponent = _mm256_sub_epi32(_mm256_castps_si256(shifted), _mm256_set1_epi32(0x4b400000));
  __m256 r = _mm256_fmadd_ps(n, _mm256_set1_ps(-0x1.62e430p-1f), t);
  r = _mm256_fmadd_ps(n, _mm256_set1_ps(0x1.05c610p-29f), r);
  __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(0x1.6ac74ep-10f), r, _mm256_set1_ps(0x1.123de0p-7f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.555858p-5f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.55548cp-3f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0x1.fffffcp-2f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
  p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0f));
  const __m256i half = _mm256_srai_epi32(exponent, 1);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i first = _mm256_slli_epi32(_mm256_add_epi32(half, bias), 23);
  const __m256i second = _mm256_slli_epi32(_mm256_add_epi32(_mm256_sub_epi32(exponent, half), bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(p, _mm256_castsi256_ps(first)), _mm256_castsi256_ps(second));
}

// The lanes of a sum, 0 to 7 in `low`, added 8, 4, 2, 1 apart.
static inline float AddLanesAvx2(__m256 low, __m256 high) {
  const __m256 by8 = _mm256_add_ps(low, high);
  const __m128 by4 = _mm_add_ps(_mm256_castps256_ps128(by8), _mm256_extractf128_ps(by8, 1));
  const __m128 by2 = _mm_add_ps(by4, _mm_movehl_ps(by4, by4));
  return _mm_cvtss_f32(_mm_add_ss(by2, _mm_movehdup_ps(by2)));
}

// ToBf16 of base/bf16.h in 8 lanes, each in the low half of its dword.
static inline __m256i ToBf16Avx2(__m256 x) {
  const __m256i u = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(u, odd), _mm256_set1_epi32(0x7fff));
  const __m256i quiet = _mm256_or_si256(u, _mm256_set1_epi32(0x400000));
  const __m256i signed_zero = _mm256_and_si256(u, _mm256_set1_epi32((int)0x80000000u));
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  const __m256i exponent = _mm256_and_si256(u, _mm256_set1_epi32(0x7f800000));
  const __m256i zero = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
  const __m256i y = _mm256_blendv_epi8(_mm256_blendv_epi8(rounded, quiet, nan), signed_zero, zero);
  return _mm256_srli_epi32(y, 16);
}

// 16 values of two vectors, packed.
static inline __m256i PackBf16Avx2(__m256 low, __m256 high) {
  const __m256i packed = _mm256_packus_epi32(ToBf16Avx2(low), ToBf16Avx2(high));
  return _mm256_permute4x64_epi64(packed, 0xd8);
}

// All ones in the lanes below `count`, which may be negative or exceed 8.
static inline __m256i FirstLanes8(int count) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

}  // namespace lacuna::kernels
