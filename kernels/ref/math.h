// Our own elementary functions, from + - * / fma and integer operations in a fixed order, so that every machine and
// every instruction set gets the same bits (libm's change with the CPU). Denormal results flush to zero.
#pragma once

namespace lacuna::kernels {

// exp(-inf) = +0, exp(0) = 1, exp(inf) = inf, NaN stays NaN; at most 0.88 ulp off; results below 2^-126 are +0.
float RefExp(float x);

// sin and cos of x radians, |x| <= 2^24; computed in double (good to 2^-52 there), rounded once.
void RefSinCos(float x, float* sin, float* cos);

// In double: log within 1 ulp, exp and pow within 1.5, for normal arguments and results; x, base > 0.
double RefExpDouble(double x);
double RefLog(double x);
double RefPow(double base, double exponent);

}  // namespace lacuna::kernels
