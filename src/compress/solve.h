// From weights to what a codec stores of them, column by column: the error that rounding or pruning a column makes is
// carried into the columns after it, so that the layer's output changes least (GPTQ, SparseGPT). For column k, U the
// factor of compress/inverse_factor.h:
//
//   q = the nearest value that can be stored, or 0 if pruned       e = (w_k - q) / U_kk       w_j -= U_kj * e,  j > k
//
// Pruned and quantized weights are thus chosen together. Scales are set where a group begins, from the weights as they
// are then, those that will be pruned left out. Columns go in blocks of 128, what lies behind a block is changed at its
// end. Without a factor nothing is carried: round to nearest.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "compress/gemm.h"
#include "compress/masks.h"
#include "weights/quantize.h"

namespace lacuna {

inline constexpr int64_t kSolveBlock = 128;

// Output channels that are solved side by side; all of them are independent. Arrays are [k][channels] unless said.
struct SolveArgs {
  Matrix w;  // in: weights; out: those that the values stand for
  int64_t k = 0;
  int64_t channels = 0;
  ConstMatrix factor;                 // U, [k][k]; data null: round to nearest
  std::span<const float> importance;  // [k]: weighs the squared errors by which scales are chosen; empty: all alike
  uint8_t* pruned = nullptr;          // in: 1 where a weight is 0; with `choose`, out; may be null without
  std::optional<PruneRule> choose;    // SparseGPT: which weights go is decided on the way; needs a factor

  // Without a quantizer weights stay float32, and the rest is not written.
  const Quantizer* quantizer = nullptr;
  int64_t group = 0;             // of weights; 0: the quantizer has no scales
  bool search = true;            // for the scale with the least error; else from the extremes alone
  int32_t* values = nullptr;     // as Quantizer::Value gives them, -1 where pruned
  GroupScale* scales = nullptr;  // [group][channels]
};

// On the calling thread, which holds an FpScope.
void Solve(kernels::GemmTileFn tile, const SolveArgs& args);

// The scale of one group of weights, with the least sum of importance * (w - q)^2 among shrunk ones, and of razer its
// codebook. `importance` may be empty.
GroupScale SearchScale(const Quantizer& quantizer, std::span<const float> w, std::span<const float> importance,
                       bool search);

}  // namespace lacuna
