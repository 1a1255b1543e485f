// The model families as rows of one table: a family differs from the others in defaults, biases, norms and in how it
// reads the sliding window, and in nothing else. What config.json leaves out has the value that Hugging Face
// transformers 5 gives it (configuration_*.py).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace lacuna {

// How a layer's sliding window is found.
enum class WindowRule {
  kNone,     // every layer sees everything
  kMistral,  // `sliding_window` for every layer, or as `layer_types` says
  kQwen,     // only with `use_sliding_window`; then layers from `max_window_layers` on, or as `layer_types` says
};

// Names of a decoder's tensors: module paths, to which ".weight" or ".bias" is added.
struct TensorNames {
  const char* embedding;   // [vocab, hidden]
  const char* layers;      // followed by the layer's number, a dot and one of the following
  const char* input_norm;  // [hidden]
  const char *q, *k, *v, *o;
  const char *q_norm, *k_norm;  // [head_dim], in families with qk_norm
  const char* post_norm;        // [hidden]: before the MLP
  const char *gate, *up, *down;
  const char* final_norm;  // [hidden]
  const char* head;        // [vocab, hidden]

  // "model.layers.3.self_attn.q_proj.weight"
  std::string Layer(int layer, const char* module, const char* parameter = "weight") const;
};

struct Family {
  const char* model_type;
  const char* architecture;
  const TensorNames* names;

  bool qkv_bias;              // always has q/k/v biases
  bool reads_attention_bias;  // `attention_bias` adds biases to q, k, v and o
  bool reads_mlp_bias;        // `mlp_bias` adds biases to gate, up and down
  bool qk_norm;               // rms norm over each head of q and k, before rope
  WindowRule window_rule;
  bool hidden_divides;  // hidden_size must be a multiple of num_attention_heads even where head_dim is given

  // Values of absent settings. num_kv_heads 0: as many as heads. head_dim 0: hidden_size / heads.
  int64_t vocab_size, hidden_size, intermediate_size, num_layers, num_heads, num_kv_heads, head_dim;
  int64_t max_position_embeddings;
  double rms_norm_eps;
  int64_t sliding_window;
  int64_t max_window_layers;
  int32_t bos_token_id, eos_token_id;  // -1: none
};

std::span<const Family> Families();
// Null for an unknown model_type.
const Family* FindFamily(std::string_view model_type);
// "llama, mistral, qwen2, qwen3"
std::string FamilyList();

}  // namespace lacuna
