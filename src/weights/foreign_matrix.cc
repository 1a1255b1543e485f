#include "weights/foreign_matrix.h"

#include <cmath>
#include <cstring>

#include "base/small_float.h"
#include "weights/convert.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

uint32_t Word(const Tensor* tensor, int64_t at) {
  uint32_t word;
  std::memcpy(&word, tensor->data.data() + at * 4, 4);
  return word;
}

uint32_t Field(const Tensor* tensor, int64_t word, int64_t field, int bits) {
  return (Word(tensor, word) >> (field * bits)) & ((1u << bits) - 1);
}

// Where AWQ's column j of 8 lies in its word.
int64_t AwqPlace(int64_t j) { return j % 2 * 4 + j / 2; }

}  // namespace

float ForeignMatrix::Scale(int64_t row, int64_t group) const {
  const bool by_column = layout_ == ForeignLayout::kGptq || layout_ == ForeignLayout::kAwq;
  const int64_t at = scales_->elements() == 1 ? 0 : by_column ? group * n_ + row : row * groups_ + group;
  const std::byte* data = scales_->data.data();
  if (layout_ == ForeignLayout::kMxfp4) return std::ldexp(0.5f, static_cast<int>(data[at]) - 127);
  if (layout_ == ForeignLayout::kNvfp4) return 0.5f * E4M3ToFloat(static_cast<uint8_t>(data[at])) / global_scale_;
  const ElementType type = ElementTypeOf(scales_->dtype);
  float scale;
  ConvertToFloat(data + at * static_cast<int64_t>(ElementBytes(type)), type, 1, &scale);
  return scale;
}

void ForeignMatrix::ReadRow(int64_t row, ForeignRow* out) const {
  out->codes.resize(static_cast<std::size_t>(k_));
  out->scales.resize(static_cast<std::size_t>(groups_));
  const int per_word = 32 / bits_;
  const std::byte* bytes = values_->data.data();
  for (int64_t k = 0; k < k_; ++k) {
    int32_t& code = out->codes[static_cast<std::size_t>(k)];
    switch (layout_) {
      case ForeignLayout::kPackQuantized:
        code = static_cast<int32_t>(Field(values_, row * (values_->shape[1]) + k / per_word, k % per_word, bits_));
        break;
      case ForeignLayout::kIntQuantized:
        code = static_cast<int8_t>(bytes[row * k_ + k]) + 128;
        break;
      case ForeignLayout::kGptq:
        code = static_cast<int32_t>(Field(values_, k / per_word * n_ + row, k % per_word, bits_));
        break;
      case ForeignLayout::kAwq:
        code = static_cast<int32_t>(Field(values_, k * (n_ / 8) + row / 8, AwqPlace(row % 8), 4));
        break;
      default:  // E2M1
        code = static_cast<int>(bytes[row * (k_ / 2) + k / 2]) >> (k % 2 * 4) & 15;
        break;
    }
  }
  for (int g = 0; g < groups_; ++g) out->scales[static_cast<std::size_t>(g)] = Scale(row, g);
  ReadZeros(row, &out->zeros);
}

void ForeignMatrix::ReadZeros(int64_t row, std::vector<int32_t>* zeros) const {
  zeros->assign(static_cast<std::size_t>(groups_), integers() ? 1 << (bits_ - 1) : 0);
  if (zeros_ == nullptr) return;
  for (int g = 0; g < groups_; ++g) (*zeros)[static_cast<std::size_t>(g)] = Zero(row, g);
}

int32_t ForeignMatrix::Zero(int64_t row, int64_t group) const {
  const int per_word = 32 / bits_;
  switch (layout_) {
    case ForeignLayout::kPackQuantized:
      return static_cast<int32_t>(Field(zeros_, row / per_word * groups_ + group, row % per_word, bits_));
    case ForeignLayout::kIntQuantized: {
      const int64_t at = zeros_->elements() == 1 ? 0 : row * groups_ + group;
      return static_cast<int8_t>(zeros_->data[static_cast<std::size_t>(at)]) + 128;
    }
    case ForeignLayout::kGptq: {
      const int64_t word = group * (n_ / per_word) + row / per_word;
      return static_cast<int32_t>(Field(zeros_, word, row % per_word, bits_)) + zeros_add_;
    }
    default:
      return static_cast<int32_t>(Field(zeros_, group * (n_ / 8) + row / 8, AwqPlace(row % 8), 4));
  }
}

void ForeignMatrix::BitmaskRow(int64_t row, float* out) const {
  const ElementType type = ElementTypeOf(values_->dtype);
  const auto size = static_cast<int64_t>(ElementBytes(type));
  const std::byte* value = values_->data.data() + row_starts_[static_cast<std::size_t>(row)] * size;
  const std::byte* mask = mask_->data.data() + row * mask_->shape[1];
  for (int64_t k = 0; k < k_; ++k) {
    out[k] = 0;
    if ((static_cast<int>(mask[k / 8]) >> (k % 8) & 1) == 0) continue;
    ConvertToFloat(value, type, 1, out + k);
    value += size;
  }
}

void ForeignMatrix::RowFloats(int64_t row, float* out) const {
  if (layout_ == ForeignLayout::kBitmask) return BitmaskRow(row, out);
  ForeignRow r;
  ReadRow(row, &r);
  for (int64_t k = 0; k < k_; ++k) {
    const int code = r.codes[static_cast<std::size_t>(k)];
    const auto g = static_cast<std::size_t>(Group(k));
    out[k] = static_cast<float>(integers() ? code - r.zeros[g] : kE2M1[code]) * r.scales[g];
  }
}

}  // namespace lacuna
