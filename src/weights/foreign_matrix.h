// A matrix that another tool stored as several tensors (weights/foreign_scheme.h). All numbers are exact but a value,
// which is one f32 product.
//
//   integers  code u of b bits, value float(u - z) * scale        z: 2^(b-1), or a zero point of the group
//     pack-quantized   weight_packed i32 [N, K b / 32], codes from the lowest bits; weight_scale [N, G], [N, 1] or [1];
//                      weight_zero_point i32 [N b / 32, G], along N; weight_g_idx i32 [K]: column to group
//     int-quantized    weight i8 [N, K], weight_scale and weight_zero_point i8 likewise
//     gptq             qweight i32 [K b / 32, N], qzeros i32 [G, N b / 32], scales [G, N], g_idx i32 [K]
//     awq              qweight i32 [K, N / 8], qzeros i32 [G, N / 8], scales [G, N]; nibbles in the order 0 2 4 6 1 3 5
//     7
//   E2M1      the four bits of OCP's FP4
//     mxfp4            weight_packed u8 [N, K / 2], low nibble first; weight_scale u8 [N, K / 32], 2^(e - 127)
//     nvfp4            weight_packed likewise; weight_scale E4M3 [N, K / 16], divided by weight_global_scale f32 [1]
//   bitmask   floating point
//     sparse-bitmask     compressed [count], by rows; bitmask u8 [N, K / 8], from the lowest bit; row_offsets i64 [N]
//     sparse-24-bitmask  compressed [N, K / 2], bitmask likewise
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/model_files.h"
#include "weights/foreign_scheme.h"

namespace lacuna {

enum class ForeignLayout { kPackQuantized, kIntQuantized, kGptq, kAwq, kMxfp4, kNvfp4, kBitmask };

// One row's integers: codes in the order of the columns, and a scale and a zero point a group.
struct ForeignRow {
  std::vector<int32_t> codes;
  std::vector<float> scales;
  std::vector<int32_t> zeros;
};

class ForeignMatrix {
 public:
  // The parameter `name` ("model.layers.0.mlp.up_proj.weight"), or null if no such tensors are there. Errors: a tensor
  // that is missing or of another shape or type than the layout asks for, a column in no group, a mask that disagrees
  // with its values.
  static Result<std::shared_ptr<const ForeignMatrix>> Find(const ModelFiles& files, const ForeignScheme& scheme,
                                                           const std::string& name, int64_t n, int64_t k);

  ForeignLayout layout() const { return layout_; }
  int bits() const { return bits_; }
  int64_t n() const { return n_; }
  int64_t k() const { return k_; }
  int group() const { return group_; }  // columns of a scale; 0: whole rows
  int groups() const { return groups_; }
  bool integers() const { return layout_ <= ForeignLayout::kAwq; }
  float global_scale() const { return global_scale_; }  // of nvfp4
  bool has_zeros() const { return zeros_ != nullptr; }
  bool scales_f16() const { return scales_ != nullptr && scales_->dtype == DType::kF16; }
  // Column to group; empty: k / group().
  const std::vector<int32_t>& group_of() const { return group_of_; }
  // All tensors of it; the first has the values.
  const std::vector<const Tensor*>& tensors() const { return tensors_; }
  const std::vector<std::string>& names() const { return names_; }

  // Of integers, and of mxfp4 and nvfp4, whose zeros are 0 and codes are E2M1; their scales are for doubled values.
  void ReadRow(int64_t row, ForeignRow* out) const;
  void ReadZeros(int64_t row, std::vector<int32_t>* zeros) const;
  void RowFloats(int64_t row, float* out) const;

 private:
  ForeignMatrix() = default;
  friend class ForeignFinder;

  int Group(int64_t k) const {
    return group_of_.empty() ? (group_ == 0 ? 0 : static_cast<int>(k / group_))
                             : group_of_[static_cast<std::size_t>(k)];
  }
  float Scale(int64_t row, int64_t group) const;
  int32_t Zero(int64_t row, int64_t group) const;
  void BitmaskRow(int64_t row, float* out) const;

  ForeignLayout layout_ = ForeignLayout::kPackQuantized;
  int bits_ = 4, group_ = 0, groups_ = 1;
  int64_t n_ = 0, k_ = 0;
  int zeros_add_ = 0;
  float global_scale_ = 1;
  const Tensor *values_ = nullptr, *scales_ = nullptr, *zeros_ = nullptr, *mask_ = nullptr;
  std::vector<int32_t> group_of_;
  std::vector<int64_t> row_starts_;  // of bitmask: elements before each row
  std::vector<const Tensor*> tensors_;
  std::vector<std::string> names_;
};

}  // namespace lacuna
