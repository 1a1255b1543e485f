// The bytes of every token of a vocabulary, as they stand in the middle of a text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer.h"

namespace lacuna {

class TokenBytes {
 public:
  // For ids 0 to vocab_size - 1; those that the tokenizer lacks have no bytes.
  TokenBytes(const Tokenizer& tokenizer, int vocab_size);

  int size() const { return static_cast<int>(begins_.size()) - 1; }
  // "" for special tokens and outside the vocabulary.
  std::string_view operator[](int32_t id) const {
    if (id < 0 || id >= size()) return {};
    const auto i = static_cast<size_t>(id);
    return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
  }

 private:
  std::string bytes_;
  std::vector<uint32_t> begins_;
};

}  // namespace lacuna
