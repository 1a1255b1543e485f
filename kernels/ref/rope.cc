// Rotary position embedding (Su et al. 2021) in the layout of Hugging Face: dimension i turns with i + head_dim / 2.
#include "kernels/ref/ref.h"

namespace lacuna::kernels {

void RefRope(float* x, int heads, int head_dim, const float* cos, const float* sin) {
  const int half = head_dim / 2;
  for (int h = 0; h < heads; ++h) {
    float* low = x + (ptrdiff_t)h * head_dim;
    float* high = low + half;
    for (int i = 0; i < half; ++i) {
      const float a = low[i], b = high[i];
      low[i] = __builtin_fmaf(a, cos[i], -(b * sin[i]));
      high[i] = __builtin_fmaf(b, cos[i], a * sin[i]);
    }
  }
}

}  // namespace lacuna::kernels
