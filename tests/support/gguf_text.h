// GGUF files written by hand, right or wrong.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna::testing {

// A value's bytes, little-endian.
template <typename T>
std::string GgufBytes(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}
inline std::string GgufBytes(std::string_view text) { return GgufBytes<uint64_t>(text.size()).append(text); }

// Metadata and tensors in the order of the calls. The type numbers are the format's.
class GgufText {
 public:
  GgufText& Raw(std::string_view key, uint32_t type, const std::string& value) {
    entries_ += GgufBytes(key) + GgufBytes(type) + value;
    ++entry_count_;
    return *this;
  }
  GgufText& U32(std::string_view key, uint32_t value) { return Raw(key, 4, GgufBytes(value)); }
  GgufText& F32(std::string_view key, float value) { return Raw(key, 6, GgufBytes(value)); }
  GgufText& Bool(std::string_view key, bool value) { return Raw(key, 7, GgufBytes<uint8_t>(value)); }
  GgufText& String(std::string_view key, std::string_view value) { return Raw(key, 8, GgufBytes(value)); }
  GgufText& Strings(std::string_view key, const std::vector<std::string>& values) {
    std::string bytes = GgufBytes<uint32_t>(8) + GgufBytes<uint64_t>(values.size());
    for (const std::string& value : values) bytes += GgufBytes(std::string_view(value));
    return Raw(key, 9, bytes);
  }
  GgufText& I32s(std::string_view key, const std::vector<int32_t>& values) {
    std::string bytes = GgufBytes<uint32_t>(5) + GgufBytes<uint64_t>(values.size());
    for (const int32_t value : values) bytes += GgufBytes(value);
    return Raw(key, 9, bytes);
  }
  GgufText& F32s(std::string_view key, const std::vector<float>& values) {
    std::string bytes = GgufBytes<uint32_t>(6) + GgufBytes<uint64_t>(values.size());
    for (const float value : values) bytes += GgufBytes(value);
    return Raw(key, 9, bytes);
  }
  // `dimensions` innermost first, as the file has them; `type` is ggml's number.
  GgufText& Tensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type,
                   std::string_view data) {
    data_.resize((data_.size() + 31) / 32 * 32);
    tensors_ += GgufBytes(name) + GgufBytes<uint32_t>(static_cast<uint32_t>(dimensions.size()));
    for (const uint64_t n : dimensions) tensors_ += GgufBytes(n);
    tensors_ += GgufBytes(type) + GgufBytes<uint64_t>(data_.size());
    data_ += data;
    ++tensor_count_;
    return *this;
  }

  std::string Head(uint32_t version, uint64_t tensors, uint64_t entries) const {
    return "GGUF" + GgufBytes(version) + GgufBytes(tensors) + GgufBytes(entries);
  }
  std::string Text(uint32_t version = 3) const {
    std::string bytes = Head(version, tensor_count_, entry_count_) + entries_ + tensors_;
    if (!data_.empty()) bytes.resize((bytes.size() + 31) / 32 * 32);
    return bytes + data_;
  }

 private:
  std::string entries_, tensors_, data_;
  uint64_t entry_count_ = 0, tensor_count_ = 0;
};

}  // namespace lacuna::testing
