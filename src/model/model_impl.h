// What a Model owns: the mapped files, packed weights, and the runtime (threads, backend, pages) of all sessions.
#pragma once

#include <mutex>

#include "backend/cpu/cpu_backend.h"
#include "base/cpu_features.h"
#include "grammar/vocab_order.h"
#include "io/model_files.h"
#include "lacuna/model.h"
#include "model/config.h"
#include "model/kv/page_pool.h"
#include "model/model_weights.h"
#include "ops/kv_page.h"
#include "threading/thread_team.h"
#include "tokenizer/token_bytes.h"

namespace lacuna {

// Made when first asked for, by whichever session asks first.
template <typename T>
class Lazy {
 public:
  template <typename Make>
  const T& Get(Make&& make) const {
    std::call_once(once_, [&] { value_ = make(); });
    return *value_;
  }

 private:
  mutable std::once_flag once_;
  mutable std::unique_ptr<const T> value_;
};

struct Model::Impl {
  ModelConfig config;
  ModelInfo info;
  Numerics numerics = Numerics::kDefault;
  Tier tier = Tier::kRef;  // the highest that kernels may use
  std::shared_ptr<const Tokenizer> tokenizer;
  ModelFiles files;  // the embedding is read in place
  ModelWeights weights;
  KvLayout kv_layout;

  // The runtime: const models are run by many sessions, which take turns on the team.
  std::unique_ptr<ThreadTeam> team;
  std::unique_ptr<Backend> backend;
  std::unique_ptr<PagePool> pages;

  // Null without a tokenizer.
  const TokenBytes* token_bytes() const {
    if (tokenizer == nullptr) return nullptr;
    return &token_bytes_.Get([this] { return std::make_unique<TokenBytes>(*tokenizer, config.vocab_size); });
  }

  // The same, null or by bytes.
  const VocabOrder* vocab_order() const {
    const TokenBytes* bytes = token_bytes();
    return bytes == nullptr ? nullptr : &vocab_order_.Get([&] { return std::make_unique<VocabOrder>(*bytes); });
  }

  uint64_t fingerprint() const;  // fingerprint.h

 private:
  Lazy<uint64_t> fingerprint_;
  Lazy<TokenBytes> token_bytes_;
  Lazy<VocabOrder> vocab_order_;
};

}  // namespace lacuna
