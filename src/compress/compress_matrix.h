// One matrix pruned, rounded and packed, by the statistics of its input.
#pragma once

#include <optional>
#include <vector>

#include "compress/hessian.h"
#include "compress/masks.h"
#include "lacuna/compress.h"
#include "weights/packed_weight.h"

namespace lacuna {

// The input that the members of a linear set share, with what is computed from it once.
class LayerInput {
 public:
  LayerInput(const Hessian& hessian, double damping, kernels::GemmTileFn tile)
      : hessian_(hessian), damping_(damping), tile_(tile) {}

  const Hessian& hessian() const { return hessian_; }
  kernels::GemmTileFn tile() const { return tile_; }
  // Columns by falling H_kk; of equals the first go first.
  const std::vector<int32_t>& order();
  // The factor of compress/inverse_factor.h in natural order, or in order().
  Result<ConstMatrix> Factor(bool ordered);

 private:
  const Hessian& hessian_;
  const double damping_;
  const kernels::GemmTileFn tile_;
  std::vector<int32_t> order_;
  std::optional<AlignedBuffer> factors_[2];
};

struct MatrixSettings {
  Codec codec;  // a bitmap is pruned by `prune` and `rule`
  PruneMethod prune = PruneMethod::kNone;
  PruneRule rule;
  RoundMethod round = RoundMethod::kGptq;
  bool order = true;
};

struct CompressedWeight {
  PackedWeight weight;
  double error = 0;  // |x (w - w')|^2 / |x w|^2
};

// On the caller's oneTBB arena; the same bytes at any number of threads. kInvalidInput: a value that is not finite or
// that the codec cannot hold, a singular Hessian, zeros that do not keep the pattern (PruneMethod::kKeep).
Result<CompressedWeight> CompressMatrix(const SourceMatrix& source, const MatrixSettings& settings, LayerInput& input);

}  // namespace lacuna
