// The constants of GELU's tanh approximation (Hendrycks and Gimpel 2016), as every tier uses them.
//   gelu(g) = g / 2 * (1 + tanh(sqrt(2 / pi) * (g + 0.044715 g^3)))
// and since (1 + tanh(z / 2)) / 2 = 1 / (1 + exp(-z)),
//   gelu(g) = g / (1 + exp(-z)), z = g * (kGeluLinear + kGeluCubic * g^2),
// which needs no tanh and loses nothing to cancellation where tanh is near -1.
#pragma once

namespace lacuna::kernels {

static const float kGeluLinear = 0x1.988454p+0f;  // 2 sqrt(2 / pi)
static const float kGeluCubic = 0x1.2444f2p-4f;   // 0.044715 times that

}  // namespace lacuna::kernels
