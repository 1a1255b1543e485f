// The reference's row of element-wise kernels, and the three of them that need no file of their own.
#include "kernels/elementwise.h"

#include "kernels/attention.h"
#include "kernels/ref/exp-inl.h"
#include "kernels/ref/ref.h"

namespace lacuna::kernels {

void RefAdd(const float* a, const float* b, int n, float* y) {
  for (int i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

float RefSoftmaxWeights(float* x, ptrdiff_t n, float top, float temperature) {
  for (ptrdiff_t i = 0; i < n; ++i) x[i] = ExpInline((x[i] - top) / temperature);
  return RefSum(x, n);
}

void RefWriteToken(const float* k, const float* v, int head_dim, int slot, bf16* head) {
  bf16* values = head + KeyElements(head_dim);
  for (int d = 0; d < head_dim; ++d) {
    head[KeyOffset(slot, d, head_dim)] = ToBf16(k[d]);
    values[ValueOffset(slot, d)] = ToBf16(v[d]);
  }
}

const ElementwiseKernels kElementwiseRef = {
    .tier = "ref",
    .to_bf16 = RefToBf16,
    .rms_norm = RefRmsNorm,
    .rope = RefRope,
    .silu_mul = RefSiluMul,
    .gelu_mul = RefGeluMul,
    .add = RefAdd,
    .softmax_weights = RefSoftmaxWeights,
    .write_token = RefWriteToken,
};

}  // namespace lacuna::kernels
