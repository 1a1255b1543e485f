// Other architectures' settings that find their way into config.json. transformers ignores a key that a model class
// does not know; but whoever wrote one of these meant another computation, so it is an error instead of a guess. Keys
// that are in no table are ignored, as nearly every published config.json has some.
#include <nlohmann/json.hpp>

#include "model/config_rules.h"
#include "weights/foreign_scheme.h"

namespace lacuna {
namespace {

// Values without effect, besides null.
enum Neutral : unsigned { kOnlyNull = 0, kFalse = 1, kTrue = 2, kZero = 4, kOne = 8, kEmpty = 16 };

struct ForeignSetting {
  const char* key;
  unsigned neutral;
};

constexpr ForeignSetting kForeign[] = {
    // stored forms of the weights
    {"quantization_config", kEmpty},
    {"compression_config", kEmpty},
    // factors on embeddings, residuals, scores and logits (Granite, Cohere, MiniCPM, Gemma)
    {"attention_multiplier", kOnlyNull},
    {"embedding_multiplier", kOne},
    {"residual_multiplier", kOne},
    {"logits_scaling", kOne},
    {"logit_scale", kOne},
    {"scale_emb", kOne},
    {"scale_depth", kOnlyNull},
    {"dim_model_base", kOnlyNull},
    {"query_pre_attn_scalar", kOnlyNull},
    {"attn_logit_softcapping", kZero},
    {"final_logit_softcapping", kZero},
    {"hidden_activation", kOnlyNull},
    // attention of another shape
    {"is_causal", kTrue},
    {"is_encoder_decoder", kFalse},
    {"use_bidirectional_attention", kFalse},
    {"attention_chunk_size", kOnlyNull},
    {"clip_qkv", kZero},
    {"kv_lora_rank", kZero},
    {"q_lora_rank", kZero},
    {"num_kv_shared_layers", kZero},
    {"cross_attention_layers", kEmpty},
    // positions
    {"partial_rotary_factor", kOne},
    {"rotary_pct", kOne},
    {"rope_interleave", kFalse},
    {"rope_interleaved", kFalse},
    {"alibi", kFalse},
    {"no_rope_layers", kEmpty},
    {"no_rope_layer_interval", kZero},
    {"rope_local_base_freq", kOnlyNull},
    {"sliding_window_pattern", kOnlyNull},
    {"use_mrope", kFalse},
    // other blocks
    {"num_experts", kZero},
    {"num_local_experts", kZero},
    {"n_routed_experts", kZero},
    {"num_experts_per_tok", kZero},
    {"use_parallel_residual", kFalse},
    {"parallel_attn", kFalse},
    {"per_layer_config", kEmpty},
    {"block_configs", kEmpty},
};

// Norms over q and k, by their several names; some families have them anyway.
constexpr const char* kQkNorm[] = {"use_qk_norm", "qk_norm", "qk_layernorm", "qk_layernorms"};

bool IsNeutral(const Json& value, unsigned neutral) {
  if (value.is_null()) return true;
  if (value.is_boolean()) return neutral & (value.get<bool>() ? kTrue : kFalse);
  if (value.is_number())
    return ((neutral & kZero) && value.get<double>() == 0) || ((neutral & kOne) && value.get<double>() == 1);
  return (neutral & kEmpty) && value.is_structured() && value.empty();
}

std::string NeutralText(unsigned neutral) {
  std::string text = "absent or null";
  if (neutral & kFalse) text += " or false";
  if (neutral & kTrue) text += " or true";
  if (neutral & kZero) text += " or 0";
  if (neutral & kOne) text += " or 1";
  return text;
}

Status Check(const JsonReader& config, const Family& family, const char* key, unsigned neutral) {
  const Json* value = config.Find(key);
  if (!value || IsNeutral(*value, neutral)) return {};
  return config.WrongValue(key, "this changes the result and is not supported for " + std::string(family.model_type) +
                                    " models: it must be " + NeutralText(neutral));
}

bool IsOurs(const Json* quantization) {
  return quantization && quantization->is_object() && quantization->value("quant_method", Json()) == "lacuna";
}

Status CheckQuantization(const JsonReader& config) {
  const Json* value = config.Find("quantization_config");
  if (!value || !value->is_object() || value->empty() || IsOurs(value)) return {};
  const auto method = value->find("quant_method");
  if (method != value->end() && method->is_string() && IsForeignMethod(method->get<std::string>())) return {};
  return config.Error("quantization_config",
                      (method == value->end() ? "is there" : "says quant_method " + JsonExcerpt(*method)) +
                          std::string("; weights are read in F32, F16 or BF16, or of the methods compressed-tensors, "
                                      "gptq, awq and lacuna"));
}

}  // namespace

Status RejectForeignSettings(const JsonReader& config, const Family& family) {
  if (Status status = CheckQuantization(config); !status.ok()) return status;
  const Json* quantization = config.Find("quantization_config");
  const bool known = quantization && quantization->is_object();  // checked above
  for (const ForeignSetting& setting : kForeign)
    if (family.Reads(setting.key) || (known && std::string_view(setting.key) == "quantization_config"))
      continue;
    else if (Status status = Check(config, family, setting.key, setting.neutral); !status.ok())
      return status;
  if (family.qk_norm == QkNorm::kNone)
    for (const char* key : kQkNorm)
      if (Status status = Check(config, family, key, kFalse); !status.ok()) return status;
  // Biases that the family never has. (Qwen2's q/k/v biases do not depend on any flag.)
  if (!family.reads_attention_bias && !family.qkv_bias)
    if (Status status = Check(config, family, "attention_bias", kFalse); !status.ok()) return status;
  if (Status status = Check(config, family, "lm_head_bias", kFalse); !status.ok()) return status;
  if (!family.reads_mlp_bias)
    if (Status status = Check(config, family, "mlp_bias", kFalse); !status.ok()) return status;
  return {};
}

}  // namespace lacuna
