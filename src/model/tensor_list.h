// The parameters of a model's directory, from its configuration: names, shapes and what each is, in file order.
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

// Where a parameter lies if the source stores it with others, as rows of one tensor (fused q, k, v or gate, up). Packed
// models store every parameter by itself.
struct FusedRows {
  std::string name;  // "": it is a tensor of its own
  int64_t rows = 0;  // of that tensor
  int64_t first = 0;
};

struct ModelTensor {
  std::string name;
  std::vector<int64_t> shape;
  TensorRole role;
  FusedRows fused = {};

  bool matrix() const { return role != TensorRole::kNorm && role != TensorRole::kBias; }
};

// A layer's matrix `module`: which rows of a fused tensor it is, if any.
FusedRows FindFused(const ModelConfig& config, int layer, const char* module);

// `head`: an lm_head of its own, beside the embedding.
std::vector<ModelTensor> ListTensors(const ModelConfig& config, bool head);

// The same with fused parameters as the one tensor that holds them.
std::vector<ModelTensor> AsStored(const std::vector<ModelTensor>& tensors);

}  // namespace lacuna
