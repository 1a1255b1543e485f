// Linear kernels of the avx512bf16 tier; each equals kernels/ref bit for bit.
#pragma once

#include "kernels/linear.h"
#include "kernels/packed.h"

namespace lacuna::kernels {

void Avx512Bf16LinearBf16Rows(const LinearBf16Args& args);          // m = 1..8, kHalves
void Avx512Bf16LinearBf16Block(const LinearBf16Args& args);         // any m, kHalves in blocks of 6
void Avx512Bf16LinearBitmapBf16Rows(const LinearPackedArgs& args);  // m = 1..8, kHalves in blocks of 8

}  // namespace lacuna::kernels
