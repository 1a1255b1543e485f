// The tensors of a model's directory, from its configuration: names, shapes and what each is, in file order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/config.h"

namespace lacuna {

enum class TensorRole {
  kEmbedding,
  kLinear,        // q, k, v, gate, up
  kAttentionOut,  // o
  kDown,
  kHead,
  kNorm,
  kBias,
};

struct ModelTensor {
  std::string name;
  std::vector<int64_t> shape;
  TensorRole role;

  bool matrix() const { return role != TensorRole::kNorm && role != TensorRole::kBias; }
};

// `head`: an lm_head of its own, beside the embedding.
std::vector<ModelTensor> ListTensors(const ModelConfig& config, bool head);

}  // namespace lacuna
