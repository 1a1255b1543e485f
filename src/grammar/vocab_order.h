// A vocabulary in the order of its tokens' bytes: neighbours share beginnings, so that a walk over all tokens looks at
// each shared beginning once.
#pragma once

#include <cstdint>
#include <vector>

#include "tokenizer/token_bytes.h"

namespace lacuna {

struct VocabOrder {
  struct Entry {
    int32_t id;
    uint32_t shared;  // bytes that it has in common with the entry before
  };

  // `bytes` must outlive it. Tokens without bytes are left out.
  explicit VocabOrder(const TokenBytes& bytes);

  const TokenBytes& bytes;
  std::vector<Entry> entries;
  size_t longest = 0;  // bytes
};

}  // namespace lacuna
