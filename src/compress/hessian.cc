#include "compress/hessian.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>

#include "base/status_macros.h"

namespace lacuna {

Result<Hessian> Hessian::Create(const std::string& name, int64_t k, kernels::GemmTileFn tile) {
  Hessian h;
  h.name_ = name;
  h.k_ = k;
  h.stride_ = PaddedStride(k);
  h.tile_ = tile;
  LACUNA_ASSIGN_OR_RETURN(h.data_,
                          AlignedBuffer::Create(static_cast<std::size_t>(k * h.stride_) * sizeof(float), "Hessian"));
  LACUNA_ASSIGN_OR_RETURN(h.workspace_, GemmWorkspace::Create(k, k, int64_t{1} << 40));
  return h;
}

void Hessian::Add(const View& x) {
  const ConstMatrix rows{x.Row(0), x.stride};
  GemmAddParallel(
      tile_,
      {.a = rows, .b = rows, .c = {reinterpret_cast<float*>(data_.data()), stride_}, .m = k_, .n = k_, .k = x.rows},
      workspace_, true);
  tokens_ += x.rows;
}

Status Hessian::Finish() {
  workspace_ = {};
  const Matrix h{reinterpret_cast<float*>(data_.data()), stride_};
  diagonal_.resize(static_cast<std::size_t>(k_));
  for (int64_t i = 0; i < k_; ++i) {
    diagonal_[static_cast<std::size_t>(i)] = h.Row(i)[i];
    if (!std::isfinite(h.Row(i)[i])) {
      return InvalidInput(name_ + ": input " + std::to_string(i) +
                          " is not finite, or its squares are beyond float32, over the calibration text: the model's "
                          "weights are outside the range it can compute with");
    }
  }
  constexpr int64_t kBlock = 64;
  tbb::parallel_for(int64_t{0}, (k_ + kBlock - 1) / kBlock, [&](int64_t block) {
    const int64_t i0 = block * kBlock, i1 = std::min(k_, i0 + kBlock);
    for (int64_t j0 = 0; j0 <= i0; j0 += kBlock) {
      for (int64_t i = i0; i < i1; ++i) {
        for (int64_t j = j0; j < std::min(i, j0 + kBlock); ++j) h.Row(i)[j] = h.Row(j)[i];
      }
    }
  });
  return {};
}

}  // namespace lacuna
