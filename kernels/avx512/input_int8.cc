// Activations to int8 with their scales and running sums (kernels/packed.h), straight into a linear kernel's layout:
// two passes over a row, one for the largest magnitude of a group and one that rounds 32 columns at a time.
#include <immintrin.h>

#include "kernels/avx512/linear_packed.h"
#include "kernels/linear.h"

namespace lacuna::kernels {
namespace {

// Which of k .. k + 15 are below `end`.
inline __mmask16 Below(int k, int end) {
  return k + 16 <= end ? (__mmask16)0xffff : k < end ? (__mmask16)((1u << (end - k)) - 1) : (__mmask16)0;
}

// Of the bit patterns: a NaN is larger than everything.
inline float LargestMagnitude(const float* x, int begin, int end) {
  const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
  __m512i top = _mm512_setzero_si512();
  for (int k = begin; k < end; k += 16) {
    top = _mm512_max_epu32(top, _mm512_and_si512(_mm512_maskz_loadu_epi32(Below(k, end), x + k), magnitude));
  }
  return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128((int)_mm512_reduce_max_epu32(top))));
}

// Columns from `end` on are 0, beside a NaN too.
inline __m128i Round16(const float* x, int k, int end, __m512 inverse) {
  const __mmask16 there = Below(k, end);
  // To nearest even; INT_MIN for a NaN.
  const __m512i q = _mm512_maskz_cvtps_epi32(there, _mm512_mul_ps(_mm512_maskz_loadu_ps(there, x + k), inverse));
  return _mm512_cvtsepi32_epi8(_mm512_max_epi32(q, _mm512_set1_epi32(-127)));
}

inline int Sum32(__m256i q) {
  const __m256i fours = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), q);
  __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
  sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1)));
}

// One row, of k columns (0: a row of zeros): store(k, 32 bytes) is called for every k of a multiple of 32.
template <class Store>
inline __attribute__((always_inline)) void Row(const LinearInt8InputArgs& a, const float* x, int k, int row,
                                               Store store) {
  uint32_t sum = 0;
  int32_t* sums = a.sums + row;
  *sums = 0;
  for (int k0 = 0; k0 < a.k_padded; k0 += a.activation_group) {
    const int k1 = a.k_padded - k0 < a.activation_group ? a.k_padded : k0 + a.activation_group;
    const int end = k < k0 ? k0 : k < k1 ? k : k1;
    const float largest = LargestMagnitude(x, k0, end);
    const bool zero = largest < 0x1p-100f;
    a.scales[(ptrdiff_t)(k0 / a.activation_group) * a.x_rows + row] = zero ? 0.0f : largest / 127.0f;
    const __m512 inverse = _mm512_set1_ps(zero ? 0.0f : 127.0f / largest);
    for (int at = k0; at < k1; at += 32) {
      const __m256i q = _mm256_set_m128i(Round16(x, at + 16, end, inverse), Round16(x, at, end, inverse));
      store(at, q);
      sum += (uint32_t)Sum32(q);
      sums += a.x_rows;
      *sums = (int32_t)sum;
    }
  }
}

}  // namespace

void Avx512InputInt8Wide(const LinearInt8InputArgs& a) {
  for (int i = a.row_begin; i < a.row_end; ++i) {
    const int block = i / a.block_rows * a.block_rows, rows = a.m - block < a.block_rows ? a.m - block : a.block_rows;
    int8_t* to = a.to + (ptrdiff_t)block * a.k_padded + (i - block) * 4;
    const float* x = a.x + i * a.x_stride;
    if (rows == 1) {
      Row(a, x, a.k, i, [&](int k, __m256i q) { _mm256_storeu_si256((__m256i*)(to + k), q); });
    } else {
      const __m256i place = _mm256_mullo_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(rows));
      Row(a, x, a.k, i, [&](int k, __m256i q) { _mm256_i32scatter_epi32(to + (ptrdiff_t)k * rows, place, q, 4); });
    }
  }
}

void Avx512InputInt8Tiles(const LinearInt8InputArgs& a) {
  const int tile_rows = a.m < 16 ? a.m : 16, all_rows = (a.m + tile_rows - 1) / tile_rows * tile_rows;
  const int row_end = a.row_end == a.m ? all_rows : a.row_end;
  for (int i = a.row_begin; i < row_end; ++i) {
    const bool there = i < a.m;  // a row beyond m is zeros
    int8_t* to = a.to + (ptrdiff_t)(i % tile_rows) * 64;
    Row(a, there ? a.x + i * a.x_stride : a.x, there ? a.k : 0, i, [&](int k, __m256i q) {
      const int chunk = k / kTileChunk * kTileChunk,
                width = a.k_padded - chunk < kTileChunk ? a.k_padded - chunk : kTileChunk;
      int8_t* block = to + (ptrdiff_t)chunk * all_rows + (ptrdiff_t)(i / tile_rows) * tile_rows * width;
      _mm256_store_si256((__m256i*)(block + (ptrdiff_t)(k - chunk) / 64 * 64 * tile_rows + k % 64), q);
    });
  }
}

}  // namespace lacuna::kernels
