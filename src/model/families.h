// The model families as rows of one table: a family differs from the others in defaults, biases, norms, the names of
// its tensors and in which settings it reads how, and in nothing else. What config.json leaves out has the value that
// Hugging Face transformers 5 gives it (configuration_*.py).
#pragma once

#include <array>
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
  kNoRope,   // only with `use_sliding_window`; then the layers without rope, or as `layer_types` says
  kEvery,    // `sliding_window` for every layer, and nothing else
  kPattern,  // all but every n-th layer, n = `sliding_window_pattern` where that is read, or as `layer_types` says
};

// How rotary settings are found (rope_config.cc).
enum class RopeRule {
  kShared,       // one dictionary for all layers, or one for each layer type
  kLongRope,     // the same; only longrope and default, "su" and "yarn" being old names of longrope
  kByLayerType,  // each layer type has its own; `rope_scaling` is for full attention
};

enum class Activation { kSilu, kGeluTanh };

// Rms norm of q and k, before rope.
enum class QkNorm {
  kNone,
  kHead,  // over each head
  kAll,   // over all heads at once
};

// Names of a decoder's tensors: module paths, to which ".weight" or ".bias" is added.
struct TensorNames {
  const char* embedding;  // [vocab, hidden]
  const char* layers;     // followed by the layer's number, a dot and one of the following
  // Norms around each residual branch, [hidden]: before attention, after o, before the MLP, after down. Null: none.
  const char *attention_norm, *attention_out_norm, *mlp_norm, *mlp_out_norm;
  const char *q, *k, *v, *o;
  const char* fused_qkv;        // q, k and v stored as rows of one tensor; null: apart
  const char *q_norm, *k_norm;  // [head_dim] or [heads * head_dim], by QkNorm
  const char *gate, *up, *down;
  const char* fused_gate_up;  // likewise
  const char* final_norm;     // [hidden]
  const char* head;           // [vocab, hidden]

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
  QkNorm qk_norm;
  bool norm_plus_one = false;     // a norm multiplies by 1 + weight
  bool scaled_embedding = false;  // embeddings are multiplied by sqrt(hidden_size)
  WindowRule window_rule;
  RopeRule rope_rule = RopeRule::kShared;
  bool hidden_divides;  // hidden_size must be a multiple of num_attention_heads even where head_dim is given
  // Settings that mean nothing to other families, where they are errors.
  std::array<std::string_view, 4> own_settings = {};

  // Values of absent settings. num_kv_heads 0: as many as heads. head_dim 0: hidden_size / heads.
  const char* activation_key = "hidden_act";
  Activation activation = Activation::kSilu;
  bool tied = false;
  int64_t vocab_size, hidden_size, intermediate_size, num_layers, num_heads, num_kv_heads, head_dim;
  int64_t max_position_embeddings;
  double rms_norm_eps;
  double rope_theta = 10000;
  double local_rope_theta = 10000;               // of sliding layers, RopeRule::kByLayerType
  int64_t original_max_position_embeddings = 0;  // 0: none
  int64_t sliding_window = 0;                    // 0: none
  int64_t max_window_layers = 0;
  int64_t window_pattern = 0;          // WindowRule::kPattern
  int64_t query_pre_attn_scalar = 0;   // scores are divided by its root; 0: head_dim
  int32_t bos_token_id, eos_token_id;  // -1: none

  bool Reads(std::string_view setting) const;  // one of own_settings
};

std::span<const Family> Families();
// Null for an unknown model_type.
const Family* FindFamily(std::string_view model_type);
// "llama, mistral, ..": every model_type
std::string FamilyList();

}  // namespace lacuna
