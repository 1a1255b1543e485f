// Activations to int8, row by row, with their scales and running sums (kernels/packed.h): two passes over a group, one
// for its largest magnitude and one that rounds 32 columns at a time.
#include <immintrin.h>

#include "kernels/simd/linear_packed.h"
#include "kernels/simd/math-inl.h"

namespace lacuna::kernels {
namespace {

// Columns k .. k + 7; from `end` on they are 0, and not read.
inline __m256 Load8(const float* x, int k, int end) {
  return k + 8 <= end ? _mm256_loadu_ps(x + k)
         : k < end    ? _mm256_maskload_ps(x + k, FirstLanes8(end - k))
                      : _mm256_setzero_ps();
}

// Of the bit patterns: a NaN is larger than everything.
inline float LargestMagnitude(const float* x, int begin, int end) {
  const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
  __m256i top = _mm256_setzero_si256();
  for (int k = begin; k < end; k += 8) {
    top = _mm256_max_epu32(top, _mm256_and_si256(_mm256_castps_si256(Load8(x, k, end)), magnitude));
  }
  __m128i four = _mm_max_epu32(_mm256_castsi256_si128(top), _mm256_extracti128_si256(top, 1));
  four = _mm_max_epu32(four, _mm_shuffle_epi32(four, 0x4e));
  return _mm_cvtss_f32(_mm_castsi128_ps(_mm_max_epu32(four, _mm_shuffle_epi32(four, 0xb1))));
}

// To nearest even; INT_MIN for a NaN. Columns from `end` on are 0, beside a NaN too.
inline __m256i Round8(const float* x, int k, int end, __m256 inverse) {
  const __m256i q = _mm256_cvtps_epi32(_mm256_mul_ps(Load8(x, k, end), inverse));
  const __m256i clamped = _mm256_max_epi32(_mm256_min_epi32(q, _mm256_set1_epi32(127)), _mm256_set1_epi32(-127));
  return _mm256_and_si256(clamped, FirstLanes8(end - k));
}

inline int Sum32(__m256i q) {
  const __m256i biased = _mm256_xor_si256(q, _mm256_set1_epi8((char)0x80));
  const __m256i eights = _mm256_sad_epu8(biased, _mm256_setzero_si256());
  const __m128i two = _mm_add_epi32(_mm256_castsi256_si128(eights), _mm256_extracti128_si256(eights, 1));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0x4e))) - 32 * 128;
}

}  // namespace

void SimdInputInt8Rows(const LinearInt8InputArgs& a) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  for (int i = a.row_begin; i < a.row_end; ++i) {
    const float* x = a.x + i * a.x_stride;
    int8_t* to = a.to + (ptrdiff_t)i * a.k_padded;
    int32_t* sums = a.sums + i;
    uint32_t sum = 0;
    *sums = 0;
    for (int k0 = 0; k0 < a.k_padded; k0 += a.activation_group) {
      const int k1 = a.k_padded - k0 < a.activation_group ? a.k_padded : k0 + a.activation_group;
      const int end = a.k < k1 ? a.k : k1;  // may be before k0
      const float largest = LargestMagnitude(x, k0, end);
      const bool zero = largest < 0x1p-100f;
      a.scales[(ptrdiff_t)(k0 / a.activation_group) * a.x_rows + i] = zero ? 0.0f : largest / 127.0f;
      const __m256 inverse = _mm256_set1_ps(zero ? 0.0f : 127.0f / largest);
      for (int k = k0; k < k1; k += 32) {
        const __m256i low = _mm256_packs_epi32(Round8(x, k, end, inverse), Round8(x, k + 8, end, inverse));
        const __m256i high = _mm256_packs_epi32(Round8(x, k + 16, end, inverse), Round8(x, k + 24, end, inverse));
        const __m256i q = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
        _mm256_storeu_si256((__m256i*)(to + k), q);
        sum += (uint32_t)Sum32(q);
        sums += a.x_rows;
        *sums = (int32_t)sum;
      }
    }
  }
}

}  // namespace lacuna::kernels
