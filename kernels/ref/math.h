// Our own elementary functions, from + - * / fma and integer operations in a fixed order, so that every machine and
// every instruction set gets the same bits (libm's change with the CPU). Denormal results flush to zero.
#pragma once

namespace lacuna::kernels {

float RefExp(float x);  // exp(-inf) = +0, exp(0) = 1, NaN stays NaN
// cos and sin of x radians, |x| <= 2^24; computed in double, rounded once.
void RefSinCos(float x, float* sin, float* cos);
double RefPow(double base, double exponent);  // base > 0, finite
double RefLog(double x);                      // x > 0, finite

}  // namespace lacuna::kernels
