// A tile of kernels/gemm.h in AVX-512: 12 x 2 accumulators, two vectors of b, a broadcast from memory. 24 FMAs a step
// of k against 2 loads and 12 broadcasts, which cost the FMAs nothing: 99 % of their peak on Zen 4 with operands in L1
// and L2. What a product loses beyond that it loses in packing and in fetching c (compress/gemm.cc).
#include <immintrin.h>

#include "kernels/gemm.h"

namespace lacuna::kernels {

static_assert(kGemmM == 12 && kGemmN == 32);

void Avx512GemmTile(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride) {
  __m512 sum[kGemmM][2];
#pragma GCC unroll 12
  for (int i = 0; i < kGemmM; ++i) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
  for (int t = 0; t < k; ++t) {
    const __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
#pragma GCC unroll 12
    for (int i = 0; i < kGemmM; ++i) {
      const __m512 x = _mm512_set1_ps(a[i]);
      sum[i][0] = _mm512_fmadd_ps(x, b0, sum[i][0]);
      sum[i][1] = _mm512_fmadd_ps(x, b1, sum[i][1]);
    }
    a += kGemmM;
    b += kGemmN;
  }
  const __m512 s = _mm512_set1_ps(sign);
#pragma GCC unroll 12
  for (int i = 0; i < kGemmM; ++i) {
    float* to = c + i * row_stride;
    _mm512_storeu_ps(to, _mm512_fmadd_ps(s, sum[i][0], _mm512_loadu_ps(to)));
    _mm512_storeu_ps(to + 16, _mm512_fmadd_ps(s, sum[i][1], _mm512_loadu_ps(to + 16)));
  }
}

}  // namespace lacuna::kernels
