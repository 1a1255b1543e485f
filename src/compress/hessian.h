// What calibration knows of a linear layer's input x, [tokens][k]: H = x^T x in float32, the Hessian of the layer's
// output error up to a factor (GPTQ, Frantar et al. 2023; SparseGPT, Frantar and Alistarh 2023). For weights that
// differ by d, |x d^T|^2 = sum over channels of d H d^T.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "backend/view.h"
#include "base/aligned_buffer.h"
#include "compress/gemm.h"
#include "lacuna/status.h"

namespace lacuna {

class Hessian {
 public:
  // `name` is the layer's input, for messages.
  static Result<Hessian> Create(const std::string& name, int64_t k, kernels::GemmTileFn tile);

  // Adds the rows of x, [rows][k] f32, on the caller's oneTBB arena. Chunks of the same rows in the same order give the
  // same bits.
  void Add(const View& x);
  // Fills the lower triangle, once everything is added. kInvalidInput when an input was not finite.
  Status Finish();

  int64_t k() const { return k_; }
  int64_t tokens() const { return tokens_; }
  const std::string& name() const { return name_; }
  // Symmetric, of k columns.
  ConstMatrix matrix() const { return {reinterpret_cast<const float*>(data_.data()), stride_}; }
  // Sums of squares of each input.
  std::span<const float> diagonal() const { return diagonal_; }

 private:
  std::string name_;
  int64_t k_ = 0;
  int64_t stride_ = 0;
  int64_t tokens_ = 0;
  kernels::GemmTileFn tile_ = nullptr;
  AlignedBuffer data_;
  GemmWorkspace workspace_;  // until Finish
  std::vector<float> diagonal_;
};

}  // namespace lacuna
