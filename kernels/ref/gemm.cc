// The scalar reference of kernels/gemm.h.
#include "kernels/gemm.h"

namespace lacuna::kernels {

void RefGemmTile(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride) {
  for (int i = 0; i < kGemmM; ++i) {
    for (int j = 0; j < kGemmN; ++j) {
      float sum = 0;
      for (int t = 0; t < k; ++t) {
        sum = __builtin_fmaf(a[(ptrdiff_t)t * kGemmM + i], b[(ptrdiff_t)t * kGemmN + j], sum);
      }
      float* to = c + i * row_stride + j;
      *to = __builtin_fmaf(sign, sum, *to);
    }
  }
}

}  // namespace lacuna::kernels
