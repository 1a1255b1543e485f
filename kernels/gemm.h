// Matrix products in float32 for compression (Hessians, Cholesky factors, error propagation): one tile of
//
//   c[i][j] = c[i][j] + sign * d[i][j],   d[i][j] = fma over t = 0 .. k - 1, ascending from +0, of a[t][i] * b[t][j]
//
// a is [k][kGemmM] and b [k][kGemmN], packed; c is a whole tile with a row stride in floats. sign is 1 or -1, so that
// the last step is exact in its sign and rounds once. Lanes are columns of c: a vector's width never enters the order.
#pragma once

#include <stddef.h>

namespace lacuna::kernels {

inline constexpr int kGemmM = 12;
inline constexpr int kGemmN = 32;

typedef void (*GemmTileFn)(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride);

void RefGemmTile(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride);
void SimdGemmTile(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride);
void Avx512GemmTile(const float* a, const float* b, int k, float sign, float* c, ptrdiff_t row_stride);

}  // namespace lacuna::kernels
