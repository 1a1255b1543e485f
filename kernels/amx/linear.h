// Linear kernels of the amx tier. A parallel body calls AmxLinearBegin(m) once a thread, runs kernels with that m, and
// ends with AmxLinearEnd().
#pragma once

#include "kernels/linear.h"
#include "kernels/packed.h"

namespace lacuna::kernels {

void AmxLinearBegin(int m);
void AmxLinearEnd();

void AmxLinearBf16Few(const LinearBf16Args& args);    // m = 1..16, kTiles
void AmxLinearBf16Block(const LinearBf16Args& args);  // m > 16, kTiles

// Packed weights: Int8 takes integer weights and kInt8Tiles, Bf16 takes bitmaps of bf16 and kTiles, Mixed everything
// else and kTiles.
void AmxLinearPackedInt8Few(const LinearPackedArgs& args);    // m = 1..16
void AmxLinearPackedInt8Block(const LinearPackedArgs& args);  // m > 16
void AmxLinearPackedBf16Few(const LinearPackedArgs& args);    // m = 1..16
void AmxLinearPackedBf16Block(const LinearPackedArgs& args);  // m > 16
void AmxLinearPackedMixed(const LinearPackedArgs& args);

}  // namespace lacuna::kernels
