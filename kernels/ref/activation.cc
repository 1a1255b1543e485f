// SwiGLU's elementwise half: y = silu(gate) * up, silu(g) = g / (1 + exp(-g)) with a true division.
#include "kernels/ref/exp-inl.h"
#include "kernels/ref/ref.h"

namespace lacuna::kernels {

void RefSiluMul(const float* gate, const float* up, int n, float* y) {
  for (int i = 0; i < n; ++i) {
    const float g = gate[i];
    y[i] = (g / (1.0f + ExpInline(-g))) * up[i];
  }
}

}  // namespace lacuna::kernels
