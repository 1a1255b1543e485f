#include "tokenizer/token_bytes.h"

namespace lacuna {

TokenBytes::TokenBytes(const Tokenizer& tokenizer, int vocab_size) {
  begins_.reserve(static_cast<size_t>(vocab_size) + 1);
  begins_.push_back(0);
  for (int32_t id = 0; id < vocab_size; ++id) {
    if (!tokenizer.IsSpecial(id)) tokenizer.AppendBytes(id, bytes_);
    begins_.push_back(static_cast<uint32_t>(bytes_.size()));
  }
}

}  // namespace lacuna
