// Sums in the contract's order, and RMS normalization (Zhang and Sennrich 2019).
#include <immintrin.h>

#include "kernels/ref/ref.h"
#include "kernels/ref/sum-inl.h"

namespace lacuna::kernels {

float RefSum(const float* x, ptrdiff_t n) {
  float lane[16] = {};
  ptrdiff_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int j = 0; j < 16; ++j) lane[j] = lane[j] + x[i + j];
  }
  for (int j = 0; i + j < n; ++j) lane[j] = lane[j] + x[i + j];
  return AddLanes(lane);
}

float RefSumOfSquares(const float* x, ptrdiff_t n) {
  float lane[16] = {};
  ptrdiff_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int j = 0; j < 16; ++j) lane[j] = __builtin_fmaf(x[i + j], x[i + j], lane[j]);
  }
  for (int j = 0; i + j < n; ++j) lane[j] = __builtin_fmaf(x[i + j], x[i + j], lane[j]);
  return AddLanes(lane);
}

void RefRmsNorm(const float* x, const float* weight, float eps, int n, float* y) {
  const float mean = RefSumOfSquares(x, n) / (float)n;
  // The instruction itself: the builtin would leave a call to libm behind for negative arguments.
  const float scale = 1.0f / _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(mean + eps)));
  for (int i = 0; i < n; ++i) y[i] = (x[i] * scale) * weight[i];
}

}  // namespace lacuna::kernels
