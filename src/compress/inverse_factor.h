// The upper triangular U with (H + damping)^-1 = U^T U: its row i, from the diagonal on, says how the columns after i
// make up for an error in column i (GPTQ's step with Cholesky's factor).
//
// H = R R^T with R upper is Cholesky's factorization from the last column to the first, and then U = R^-1: one
// factorization and one triangular inverse, 2/3 k^3 operations, no inverse of H in between. With both axes reversed R
// is the usual lower factor L, so: reverse, L L^T, invert, reverse.
#pragma once

#include <cstdint>
#include <span>

#include "compress/hessian.h"

namespace lacuna {

// Column j of the factor is column order[j] of H (empty: j). `damping` times the mean of H's diagonal is added to it;
// an input that was always 0 counts as if it were alone (1 on the diagonal). [k][k], zeros below the diagonal. Depends
// on nothing but its arguments. kInvalidInput when H is singular all the same: names the layer and what helps.
Result<AlignedBuffer> InverseFactor(const Hessian& hessian, std::span<const int32_t> order, double damping,
                                    kernels::GemmTileFn tile);

}  // namespace lacuna
