// Double-precision oracles: what each op means, without any order of sums, and how far the float kernels may be from
// it. They bound the reference; kernels are then tested for equality with the reference.
//
// A bound is n * eps * (sum of absolute terms) with eps = 2^-24, the relative error of one rounding, and n the
// roundings a term passes through (the standard bound of recursive summation; Higham, Accuracy and Stability of
// Numerical Algorithms, 3.1; (1 + eps)^n - 1 <= 1.01 n eps for the n here). Flush-to-zero adds at most 2^-126 an
// operation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bf16.h"

namespace lacuna::testing {

inline constexpr double kEps = 0x1p-24;        // f32, one rounding to nearest
inline constexpr double kBf16Eps = 0x1p-9;     // bf16, one rounding to nearest
inline constexpr double kExpEps = 2.0 * kEps;  // RefExp: at most 0.88 ulp = 1.76 eps

struct Bounded {
  double value = 0;
  double bound = 0;  // |kernel - value| <= bound
};

// Dots over `k` terms in an order through which a term passes `roundings` roundings.
Bounded OracleDot(std::span<const float> x, std::span<const float> w, int roundings);
// Roundings of the bf16 dot (16 in a chain, e + o, one for each step, one for each segment) and of a single chain.
int Bf16DotRoundings(int k, int k_segment);
inline int ChainRoundings(int k) { return k; }

// n = n/16 + 4 for the sum, 1 for the mean, 1 for + eps; halved by the root; then root, division, two products.
std::vector<Bounded> OracleRmsNorm(std::span<const float> x, std::span<const float> weight, double eps);

// n = 2 on |a cos| + |b sin|.
std::vector<Bounded> OracleRope(std::span<const float> x, int heads, std::span<const float> cos,
                                std::span<const float> sin);

// n = 5: exp (2), 1 + exp, the division, the product with up.
Bounded OracleSiluMul(float gate, float up);
Bounded OracleGeluMul(float gate, float up);

// One query over the visible tokens' k and v, [tokens][head_dim] each as the kernel has them (already rounded).
struct AttentionOracle {
  int score_roundings = 0;  // of one score's dot, the scale included
  int sum_roundings = 0;    // of the numerator and the denominator together, the final division included
  double p_eps = 0;         // relative error of p before it enters the dot with v, beyond exp's
};
std::vector<Bounded> OracleAttention(std::span<const float> q, std::span<const float> k, std::span<const float> v,
                                     int head_dim, float scale, const AttentionOracle& roundings);
AttentionOracle Bf16AttentionRoundings(int head_dim, int64_t tokens);
AttentionOracle F32AttentionRoundings(int head_dim, int64_t tokens);

// softmax(x), the order-free meaning.
std::vector<double> OracleSoftmax(std::span<const double> x);

}  // namespace lacuna::testing
