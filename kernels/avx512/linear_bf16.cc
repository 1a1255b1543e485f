// All bf16 weights by f32 FMA.
#include "kernels/avx512/fma_dot-inl.h"
#include "kernels/avx512/linear.h"
#include "kernels/avx512/linear_block-inl.h"
#include "kernels/avx512/linear_rows-inl.h"

namespace lacuna::kernels {

void Avx512LinearBf16Rows(const LinearBf16Args& args) { LinearRowsUpTo8<FmaDot>(args); }
void Avx512LinearBf16Block(const LinearBf16Args& args) { LinearBlock<FmaDot>(args); }

}  // namespace lacuna::kernels
