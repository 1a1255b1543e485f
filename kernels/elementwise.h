// The element-wise kernels of one tier: everything between the dots. What each function computes, bit for bit, stands
// beside the reference of the same name in kernels/ref/ref.h.
#pragma once

#include <stddef.h>

#include "base/bf16.h"

namespace lacuna::kernels {

struct ElementwiseKernels {
  const char* tier;
  // x rounded to bf16, zero-padded to k_padded.
  void (*to_bf16)(const float* x, int k, int k_padded, bf16* y);
  // y = (x * (1 / sqrt(sum(x^2) / n + eps))) * weight; y may be x.
  void (*rms_norm)(const float* x, const float* weight, float eps, int n, float* y);
  // Rotates the halves of each head in place.
  void (*rope)(float* x, int heads, int head_dim, const float* cos, const float* sin);
  // y = (gate / (1 + exp(-gate))) * up; y may be gate or up.
  void (*silu_mul)(const float* gate, const float* up, int n, float* y);
  // y = (gate / (1 + exp(-z))) * up, z = gate * fma(gate * gate, c1, c0); y may be gate or up.
  void (*gelu_mul)(const float* gate, const float* up, int n, float* y);
  // y = a + b; y may be a or b.
  void (*add)(const float* a, const float* b, int n, float* y);
  // x = exp((x - top) / temperature); returns their sum by the rule of sums.
  float (*softmax_weights)(float* x, ptrdiff_t n, float top, float temperature);
  // Rounds one token's K and V of one head (head_dim floats each) into `slot` of a bf16 page's head
  // (kernels/attention.h).
  void (*write_token)(const float* k, const float* v, int head_dim, int slot, bf16* head);
};

extern const ElementwiseKernels kElementwiseRef;
extern const ElementwiseKernels kElementwiseSimd;
extern const ElementwiseKernels kElementwiseAvx512;

}  // namespace lacuna::kernels
