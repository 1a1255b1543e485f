// What config.json and generation_config.json say about a model, with every default filled in and every rule of the
// format applied: plain data that the rest of the library computes with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"
#include "model/families.h"
#include "weights/foreign_scheme.h"
#include "weights/quantization_config.h"

namespace lacuna {

enum class RopeType { kDefault, kLinear, kLlama3, kYarn, kLongRope };

// Rotary position embedding; fields that the type does not use keep their defaults.
struct RopeConfig {
  RopeType type = RopeType::kDefault;
  double theta = 10000;
  double factor = 1;                            // linear, llama3, yarn, longrope
  double low_freq_factor = 1;                   // llama3
  double high_freq_factor = 4;                  // llama3
  double original_max_position_embeddings = 0;  // llama3, yarn, longrope
  double beta_fast = 32;                        // yarn
  double beta_slow = 1;                         // yarn
  std::optional<double> attention_factor;       // yarn, longrope: computed from factor (and mscale) when absent
  std::optional<double> mscale;                 // yarn
  std::optional<double> mscale_all_dim;         // yarn
  bool truncate = true;                         // yarn: the ramp's ends become whole numbers
  std::vector<double> short_factor;             // longrope: [rotary_dim / 2]
  std::vector<double> long_factor;              // longrope: [rotary_dim / 2]

  bool operator==(const RopeConfig&) const = default;
};

struct LayerConfig {
  int64_t window = 0;  // keys a token sees, itself included; 0: all before it
  int rope = 0;        // index into ModelConfig::ropes; -1: no rotary embedding
};

struct ModelConfig {
  const Family* family = nullptr;
  std::string model_type;
  std::string architecture;  // as the file says, or the family's
  std::string dtype;         // "bfloat16" as the file says; "" if it does not. The files' own types decide.

  int hidden_size = 0;
  int intermediate_size = 0;
  int num_layers = 0;
  int num_heads = 0;
  int num_kv_heads = 0;
  int head_dim = 0;
  int vocab_size = 0;
  int64_t max_position_embeddings = 0;
  float rms_norm_eps = 0;

  bool tie_word_embeddings = false;  // a stored lm_head is used all the same
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;
  QkNorm qk_norm = QkNorm::kNone;
  bool norm_plus_one = false;     // norms multiply by 1 + weight
  bool scaled_embedding = false;  // embeddings are multiplied by sqrt(hidden_size)
  Activation activation = Activation::kSilu;
  int rotary_dim = 0;        // dims of each head that turn, the first ones: head_dim or fewer, even
  double score_divisor = 0;  // scores are divided by its root: head_dim, or `query_pre_attn_scalar`

  std::vector<LayerConfig> layers;
  std::vector<RopeConfig> ropes;

  std::optional<int32_t> bos_token_id;  // 0 is an id like any other
  std::vector<int32_t> eos_token_ids;   // any of them ends a text; may be empty

  std::optional<QuantizationConfig> quantization;  // of a packed model
  std::optional<ForeignScheme> foreign;            // of a model that another tool quantized
};

// DIR/config.json and, where it exists, DIR/generation_config.json, whose token ids go first; or a GGUF file.
Result<ModelConfig> LoadConfig(const std::string& dir);

// The same from text. `generation` may be empty: no such file. The names start error messages.
Result<ModelConfig> ParseConfig(std::string_view config, const std::string& config_name,
                                std::string_view generation = {}, const std::string& generation_name = {});

}  // namespace lacuna
