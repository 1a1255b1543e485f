// Linear kernels of the amx tier. A parallel body calls AmxLinearBegin(m) once a thread, runs kernels with that m, and
// ends with AmxLinearEnd().
#pragma once

#include "kernels/linear.h"

namespace lacuna::kernels {

void AmxLinearBegin(int m);
void AmxLinearEnd();

void AmxLinearBf16Few(const LinearBf16Args& args);    // m = 1..16, kTiles
void AmxLinearBf16Block(const LinearBf16Args& args);  // m > 16, kTiles

}  // namespace lacuna::kernels
