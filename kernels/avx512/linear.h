// Linear kernels of the avx512 tier and the rounding of their input; each equals kernels/ref bit for bit.
#pragma once

#include "kernels/linear.h"

namespace lacuna::kernels {

void Avx512InputWide(const LinearInputArgs& args);
void Avx512InputHalves(const LinearInputArgs& args);
void Avx512InputTiles(const LinearInputArgs& args);

void Avx512LinearBf16Rows(const LinearBf16Args& args);   // m = 1..8, kWide
void Avx512LinearBf16Block(const LinearBf16Args& args);  // any m, kWide in blocks of 6

}  // namespace lacuna::kernels
