// Finds the tensors of a foreign matrix and checks that they belong together.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/status_macros.h"
#include "weights/convert.h"
#include "weights/foreign_matrix.h"
#include "weights/source_rows.h"

namespace lacuna {

using Method = ForeignScheme::Method;
using Layout = ForeignLayout;
using Found = Result<std::shared_ptr<const ForeignMatrix>>;

class ForeignFinder {
 public:
  ForeignFinder(const ModelFiles& files, const ForeignScheme& scheme, const std::string& name, int64_t n, int64_t k)
      : files_(files), scheme_(scheme), stem_(name.substr(0, name.size() - std::string_view(".weight").size())) {
    m_.n_ = n;
    m_.k_ = k;
  }

  Found Find() {
    switch (scheme_.method) {
      case Method::kGptq:
        return Finish(files_.Find(stem_ + ".qweight") != nullptr, [this] { return Gptq(); });
      case Method::kAwq:
        return Finish(files_.Find(stem_ + ".qweight") != nullptr, [this] { return Awq(); });
      default:
        break;
    }
    for (const std::string& prefix : {stem_ + ".weight", stem_}) {
      if (files_.Find(prefix + ".bitmask") == nullptr) continue;
      return Finish(true, [&] { return Bitmask(prefix); });
    }
    const Tensor* scale = files_.Find(stem_ + ".weight_scale");
    const Tensor* packed = files_.Find(stem_ + ".weight_packed");
    if (packed != nullptr && packed->dtype == DType::kU8) return Finish(true, [this] { return Fp4(); });
    if (packed != nullptr) return Finish(true, [this] { return PackQuantized(); });
    return Finish(scale != nullptr, [this] { return IntQuantized(); });
  }

 private:
  template <typename F>
  Found Finish(bool there, F find) {
    if (!there) return std::shared_ptr<const ForeignMatrix>();
    LACUNA_RETURN_IF_ERROR(find());
    return std::shared_ptr<const ForeignMatrix>(new ForeignMatrix(std::move(m_)));
  }

  // The tensor, of a type and shape; -1 in `shape` is any size.
  Result<const Tensor*> Take(const std::string& name, const std::vector<DType>& types,
                             std::initializer_list<int64_t> shape) {
    LACUNA_ASSIGN_OR_RETURN(const Tensor* tensor, files_.Get(name));
    if (std::find(types.begin(), types.end(), tensor->dtype) == types.end()) {
      std::string list;
      for (DType type : types) list += (list.empty() ? "" : ", ") + std::string(DTypeName(type));
      return InvalidInput(files_.Where(*tensor) + " has type " + std::string(DTypeName(tensor->dtype)) + ", expected " +
                          list);
    }
    const bool fits = std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end(),
                                 [](int64_t want, int64_t got) { return want < 0 || want == got; });
    if (!fits) {
      std::vector<int64_t> want(shape);
      return InvalidInput(files_.Where(*tensor) + " has shape " + ShapeText(tensor->shape) + ", expected " +
                          ShapeText(want) + " for a matrix of " + ShapeText(std::vector<int64_t>{m_.n_, m_.k_}) +
                          (std::count(want.begin(), want.end(), -1) > 0 ? " (-1: any)" : ""));
    }
    m_.tensors_.push_back(tensor);
    m_.names_.push_back(name);
    return tensor;
  }

  Status Wrong(const Tensor& tensor, const std::string& what) const {
    return InvalidInput(files_.Where(tensor) + " " + what);
  }

  // Scales [N, G], [N, 1] or [1] of compressed-tensors, and the group that they mean.
  Status Scales() {
    const std::vector<DType> types = {DType::kBF16, DType::kF16, DType::kF32};
    const std::string name = stem_ + ".weight_scale";
    LACUNA_ASSIGN_OR_RETURN(const Tensor* scales, files_.Get(name));
    if (scales->elements() == 1) {
      LACUNA_ASSIGN_OR_RETURN(m_.scales_, scales->shape.size() == 2 ? Take(name, types, {1, 1})
                                          : scales->shape.empty()   ? Take(name, types, {})
                                                                    : Take(name, types, {1}));
      return {};
    }
    LACUNA_ASSIGN_OR_RETURN(m_.scales_, Take(name, types, {m_.n_, -1}));
    const int64_t groups = scales->shape[1];
    if (groups < 1 || m_.k_ % groups != 0) {
      return Wrong(*scales, "has " + std::to_string(groups) + " groups a row, which do not divide " +
                                std::to_string(m_.k_) + " columns");
    }
    SetGroups(groups);
    return {};
  }

  void SetGroups(int64_t groups) {
    m_.groups_ = static_cast<int>(groups);
    m_.group_ = groups == 1 ? 0 : static_cast<int>(m_.k_ / groups);
  }

  Status GroupOf(const std::string& name) {
    if (files_.Find(name) == nullptr) return {};
    LACUNA_ASSIGN_OR_RETURN(const Tensor* g, Take(name, {DType::kI32}, {m_.k_}));
    m_.group_of_.resize(static_cast<std::size_t>(m_.k_));
    std::memcpy(m_.group_of_.data(), g->data.data(), m_.group_of_.size() * 4);
    bool plain = true;
    for (int64_t k = 0; k < m_.k_; ++k) {
      const int32_t group = m_.group_of_[static_cast<std::size_t>(k)];
      if (group < 0 || group >= m_.groups_) {
        return Wrong(*g, "puts column " + std::to_string(k) + " into group " + std::to_string(group) + " of " +
                             std::to_string(m_.groups_));
      }
      plain = plain && group == (m_.group_ == 0 ? 0 : k / m_.group_);
    }
    if (plain) m_.group_of_.clear();
    return {};
  }

  Status PackQuantized() {
    m_.layout_ = Layout::kPackQuantized;
    LACUNA_ASSIGN_OR_RETURN(m_.values_, Take(stem_ + ".weight_packed", {DType::kI32}, {m_.n_, -1}));
    const int64_t words = m_.values_->shape[1];
    m_.bits_ = words == (m_.k_ + 3) / 4 ? 8 : 4;
    if (m_.bits_ == 4 && words != (m_.k_ + 7) / 8) {
      return Wrong(*m_.values_, "has " + std::to_string(words) + " words a row of " + std::to_string(m_.k_) +
                                    " columns, which is neither 4 nor 8 bits");
    }
    if (files_.Find(stem_ + ".weight_shape") != nullptr) {
      LACUNA_ASSIGN_OR_RETURN(const Tensor* shape, Take(stem_ + ".weight_shape", {DType::kI64, DType::kI32}, {2}));
      int64_t got[2] = {};
      for (int i = 0; i < 2; ++i) {
        const std::size_t size = shape->data.size() / 2;
        std::memcpy(&got[i], shape->data.data() + static_cast<std::size_t>(i) * size, size);
      }
      if (got[0] != m_.n_ || got[1] != m_.k_) {
        return Wrong(*shape, "says " + ShapeText(std::vector<int64_t>{got[0], got[1]}) + ", expected " +
                                 ShapeText(std::vector<int64_t>{m_.n_, m_.k_}) + " from config.json");
      }
    }
    LACUNA_RETURN_IF_ERROR(Scales());
    if (files_.Find(stem_ + ".weight_zero_point") != nullptr) {
      const int64_t words_of_n = (m_.n_ * m_.bits_ + 31) / 32;
      LACUNA_ASSIGN_OR_RETURN(m_.zeros_, Take(stem_ + ".weight_zero_point", {DType::kI32}, {words_of_n, m_.groups_}));
    }
    return GroupOf(stem_ + ".weight_g_idx");
  }

  Status IntQuantized() {
    m_.layout_ = Layout::kIntQuantized;
    m_.bits_ = 8;
    LACUNA_ASSIGN_OR_RETURN(m_.values_, Take(stem_ + ".weight", {DType::kI8}, {m_.n_, m_.k_}));
    LACUNA_RETURN_IF_ERROR(Scales());
    const std::string zeros = stem_ + ".weight_zero_point";
    if (const Tensor* found = files_.Find(zeros); found != nullptr) {
      LACUNA_ASSIGN_OR_RETURN(m_.zeros_, m_.scales_->shape.size() == 2
                                             ? Take(zeros, {DType::kI8}, {m_.scales_->shape[0], m_.groups_})
                                             : Take(zeros, {DType::kI8}, {1}));
    }
    return GroupOf(stem_ + ".weight_g_idx");
  }

  // Both have scales [G, N], and groups that the configuration names.
  Status ScalesByColumn() {
    m_.bits_ = scheme_.bits;
    const int64_t group = scheme_.group == 0 || scheme_.group > m_.k_ ? m_.k_ : scheme_.group;
    SetGroups((m_.k_ + group - 1) / group);
    if (m_.groups_ > 1) m_.group_ = static_cast<int>(group);
    LACUNA_ASSIGN_OR_RETURN(m_.scales_,
                            Take(stem_ + ".scales", {DType::kF16, DType::kBF16, DType::kF32}, {m_.groups_, m_.n_}));
    if (m_.n_ % (32 / m_.bits_) != 0) {
      return Wrong(*m_.scales_,
                   "is for " + std::to_string(m_.n_) + " channels, which do not fill words of zero points");
    }
    LACUNA_ASSIGN_OR_RETURN(m_.zeros_, Take(stem_ + ".qzeros", {DType::kI32}, {m_.groups_, m_.n_ * m_.bits_ / 32}));
    return {};
  }

  Status Gptq() {
    m_.layout_ = Layout::kGptq;
    m_.zeros_add_ = scheme_.zeros_less_one ? 1 : 0;
    LACUNA_ASSIGN_OR_RETURN(m_.values_, Take(stem_ + ".qweight", {DType::kI32}, {m_.k_ * scheme_.bits / 32, m_.n_}));
    if (m_.k_ * scheme_.bits % 32 != 0) return Wrong(*m_.values_, "cannot hold " + std::to_string(m_.k_) + " columns");
    LACUNA_RETURN_IF_ERROR(ScalesByColumn());
    return GroupOf(stem_ + ".g_idx");
  }

  Status Awq() {
    m_.layout_ = Layout::kAwq;
    LACUNA_ASSIGN_OR_RETURN(m_.values_, Take(stem_ + ".qweight", {DType::kI32}, {m_.k_, m_.n_ / 8}));
    return ScalesByColumn();
  }

  Status Fp4() {
    LACUNA_ASSIGN_OR_RETURN(m_.values_, Take(stem_ + ".weight_packed", {DType::kU8}, {m_.n_, m_.k_ / 2}));
    const bool nv = files_.Find(stem_ + ".weight_global_scale") != nullptr;
    const int64_t group = nv ? 16 : 32;
    m_.layout_ = nv ? Layout::kNvfp4 : Layout::kMxfp4;
    if (m_.k_ % group != 0) return Wrong(*m_.values_, "has rows that are no multiple of " + std::to_string(group));
    SetGroups(m_.k_ / group);
    m_.group_ = static_cast<int>(group);
    LACUNA_ASSIGN_OR_RETURN(m_.scales_,
                            Take(stem_ + ".weight_scale", {nv ? DType::kF8E4M3 : DType::kU8}, {m_.n_, m_.groups_}));
    if (files_.Find(stem_ + ".input_global_scale") != nullptr) {
      return Wrong(
          *m_.values_,
          "has an input_global_scale beside it: quantized activations change the result and are not supported");
    }
    if (!nv) return {};
    LACUNA_ASSIGN_OR_RETURN(const Tensor* global, Take(stem_ + ".weight_global_scale", {DType::kF32}, {1}));
    std::memcpy(&m_.global_scale_, global->data.data(), 4);
    if (!std::isfinite(m_.global_scale_) || m_.global_scale_ <= 0) return Wrong(*global, "must be a positive number");
    return {};
  }

  Status Bitmask(const std::string& prefix) {
    m_.layout_ = Layout::kBitmask;
    const std::vector<DType> types = {DType::kBF16, DType::kF16, DType::kF32};
    LACUNA_ASSIGN_OR_RETURN(const Tensor* values, files_.Get(prefix + ".compressed"));
    const bool flat = values->shape.size() == 1;
    LACUNA_ASSIGN_OR_RETURN(m_.values_, flat ? Take(prefix + ".compressed", types, {-1})
                                             : Take(prefix + ".compressed", types, {m_.n_, m_.k_ / 2}));
    LACUNA_ASSIGN_OR_RETURN(m_.mask_, Take(prefix + ".bitmask", {DType::kU8}, {m_.n_, (m_.k_ + 7) / 8}));
    for (const char* rest : {".shape", ".row_offsets"}) {
      if (files_.Find(prefix + rest) != nullptr) m_.names_.push_back(prefix + rest);
    }
    int64_t total = 0;
    const auto row_bytes = static_cast<std::size_t>(m_.mask_->shape[1]);
    for (int64_t row = 0; row < m_.n_; ++row) {
      m_.row_starts_.push_back(total);
      int64_t count = 0;
      for (std::size_t i = 0; i < row_bytes; ++i) {
        auto byte = static_cast<unsigned>(m_.mask_->data[static_cast<std::size_t>(row) * row_bytes + i]);
        if (i + 1 == row_bytes && m_.k_ % 8 != 0) byte &= (1u << (m_.k_ % 8)) - 1;
        count += __builtin_popcount(byte);
      }
      if (!flat && count != m_.k_ / 2) {
        return Wrong(*m_.mask_, "has " + std::to_string(count) + " bits in row " + std::to_string(row) + ", and " +
                                    std::to_string(m_.k_ / 2) + " values belong to it");
      }
      total += count;
    }
    if (total != values->elements()) {
      return Wrong(*m_.mask_,
                   "has " + std::to_string(total) + " bits for " + std::to_string(values->elements()) + " values");
    }
    return {};
  }

  const ModelFiles& files_;
  const ForeignScheme& scheme_;
  const std::string stem_;
  ForeignMatrix m_;
};

Found ForeignMatrix::Find(const ModelFiles& files, const ForeignScheme& scheme, const std::string& name, int64_t n,
                          int64_t k) {
  if (!name.ends_with(".weight")) return std::shared_ptr<const ForeignMatrix>();
  return ForeignFinder(files, scheme, name, n, k).Find();
}

}  // namespace lacuna
