// The elementwise halves of SwiGLU and GeGLU (Shazeer 2020): y = act(gate) * up,
//   silu(g) = g / (1 + exp(-g)), gelu(g) = g / (1 + exp(-z)) (gelu-inl.h), with true divisions.
#include "kernels/ref/exp-inl.h"
#include "kernels/ref/gelu-inl.h"
#include "kernels/ref/ref.h"

namespace lacuna::kernels {

void RefSiluMul(const float* gate, const float* up, int n, float* y) {
  for (int i = 0; i < n; ++i) {
    const float g = gate[i];
    y[i] = (g / (1.0f + ExpInline(-g))) * up[i];
  }
}

void RefGeluMul(const float* gate, const float* up, int n, float* y) {
  for (int i = 0; i < n; ++i) {
    const float g = gate[i];
    const float z = g * __builtin_fmaf(g * g, kGeluCubic, kGeluLinear);
    y[i] = (g / (1.0f + ExpInline(-z))) * up[i];
  }
}

}  // namespace lacuna::kernels
