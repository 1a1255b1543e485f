// Linear kernels of the simd tier (AVX2 and FMA) over packed weights of every codec, and the rounding of their input to
// int8; each equals kernels/ref bit for bit.
#pragma once

#include "kernels/packed.h"

namespace lacuna::kernels {

void SimdInputInt8Rows(const LinearInt8InputArgs& args);
void SimdLinearPackedInt8(const LinearPackedArgs& args);  // any m, kInt8Rows
void SimdLinearPackedBf16(const LinearPackedArgs& args);  // any m, kWide in blocks of 3

}  // namespace lacuna::kernels
