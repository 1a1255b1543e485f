// Linear kernels of the avx512 tier over packed weights, and the rounding of their input to int8; each equals
// kernels/ref bit for bit.
#pragma once

#include "kernels/packed.h"

namespace lacuna::kernels {

void Avx512InputInt8Wide(const LinearInt8InputArgs& args);
void Avx512InputInt8Tiles(const LinearInt8InputArgs& args);

void Avx512LinearPackedInt8Rows(const LinearPackedArgs& args);   // m = 1..8, kInt8Wide in blocks of 8
void Avx512LinearPackedInt8Stream(const LinearPackedArgs& a);    // the same
void Avx512LinearPackedInt8Block(const LinearPackedArgs& args);  // any m, kInt8Wide in blocks of 12
void Avx512LinearBitmapBf16Rows(const LinearPackedArgs& args);   // bitmap of bf16, m = 1..8, kWide in blocks of 8
void Avx512LinearPackedBf16Block(const LinearPackedArgs& args);  // any codec, any m, kWide in blocks of 6

}  // namespace lacuna::kernels
