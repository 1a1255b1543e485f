// A tile of kernels/gemm.h in AVX2: four passes over k of 6 x 16 (half of the rows, half of the columns), 12
// accumulators each, so that everything stays in the 16 registers.
#include <immintrin.h>

#include "kernels/gemm.h"

namespace lacuna::kernels {
namespace {

constexpr int kRows = 6;
static_assert(kGemmM == 2 * kRows && kGemmN == 32);

void Quarter(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride) {
  __m256 sum[kRows][2];
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) sum[i][0] = sum[i][1] = _mm256_setzero_ps();
  for (int t = 0; t < k; ++t) {
    const __m256 b0 = _mm256_loadu_ps(b), b1 = _mm256_loadu_ps(b + 8);
#pragma GCC unroll 6
    for (int i = 0; i < kRows; ++i) {
      const __m256 x = _mm256_broadcast_ss(a + i);
      sum[i][0] = _mm256_fmadd_ps(x, b0, sum[i][0]);
      sum[i][1] = _mm256_fmadd_ps(x, b1, sum[i][1]);
    }
    a += kGemmM;
    b += kGemmN;
  }
  const __m256 s = _mm256_set1_ps(sign);
#pragma GCC unroll 6
  for (int i = 0; i < kRows; ++i) {
    float* to = c + i * row_stride;
    _mm256_storeu_ps(to, _mm256_fmadd_ps(s, sum[i][0], _mm256_loadu_ps(to)));
    _mm256_storeu_ps(to + 8, _mm256_fmadd_ps(s, sum[i][1], _mm256_loadu_ps(to + 8)));
  }
}

}  // namespace

void SimdGemmTile(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride) {
  for (int i = 0; i < kGemmM; i += kRows) {
    for (int j = 0; j < kGemmN; j += 16) Quarter(a + i, b + j, k, sign, c + i * row_stride + j, row_stride);
  }
}

}  // namespace lacuna::kernels
