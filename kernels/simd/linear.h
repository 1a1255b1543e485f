// Linear kernels of the simd tier (AVX2 and FMA); each equals kernels/ref bit for bit.
#pragma once

#include "kernels/linear.h"

namespace lacuna::kernels {

void SimdInputWide(const LinearInputArgs& args);
void SimdLinearBf16(const LinearBf16Args& args);  // any m, kWide in blocks of 3

}  // namespace lacuna::kernels
