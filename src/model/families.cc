#include "model/families.h"

#include <algorithm>

namespace lacuna {
namespace {

constexpr TensorNames kLlamaNames = {
    .embedding = "model.embed_tokens",
    .layers = "model.layers.",
    .attention_norm = "input_layernorm",
    .attention_out_norm = nullptr,
    .mlp_norm = "post_attention_layernorm",
    .mlp_out_norm = nullptr,
    .q = "self_attn.q_proj",
    .k = "self_attn.k_proj",
    .v = "self_attn.v_proj",
    .o = "self_attn.o_proj",
    .fused_qkv = nullptr,
    .q_norm = "self_attn.q_norm",
    .k_norm = "self_attn.k_norm",
    .gate = "mlp.gate_proj",
    .up = "mlp.up_proj",
    .down = "mlp.down_proj",
    .fused_gate_up = nullptr,
    .final_norm = "model.norm",
    .head = "lm_head",
};

// Norms after each branch instead of before.
constexpr TensorNames PostNormNames() {
  TensorNames names = kLlamaNames;
  names.attention_norm = nullptr;
  names.attention_out_norm = "post_attention_layernorm";
  names.mlp_norm = nullptr;
  names.mlp_out_norm = "post_feedforward_layernorm";
  return names;
}
constexpr TensorNames kOlmoNames = PostNormNames();

constexpr TensorNames FusedNames() {
  TensorNames names = kLlamaNames;
  names.fused_qkv = "self_attn.qkv_proj";
  names.fused_gate_up = "mlp.gate_up_proj";
  return names;
}
constexpr TensorNames kPhiNames = FusedNames();

// Norms before and after each branch.
constexpr TensorNames SandwichNames() {
  TensorNames names = kLlamaNames;
  names.attention_out_norm = "post_attention_layernorm";
  names.mlp_norm = "pre_feedforward_layernorm";
  names.mlp_out_norm = "post_feedforward_layernorm";
  return names;
}
constexpr TensorNames kGemmaNames = SandwichNames();

constexpr Family kFamilies[] = {
    {.model_type = "llama",
     .architecture = "LlamaForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = false,
     .reads_attention_bias = true,
     .reads_mlp_bias = true,
     .qk_norm = QkNorm::kNone,
     .window_rule = WindowRule::kNone,
     .hidden_divides = true,
     .vocab_size = 32000,
     .hidden_size = 4096,
     .intermediate_size = 11008,
     .num_layers = 32,
     .num_heads = 32,
     .num_kv_heads = 0,
     .head_dim = 0,
     .max_position_embeddings = 2048,
     .rms_norm_eps = 1e-6,
     .bos_token_id = 1,
     .eos_token_id = 2},
    {.model_type = "mistral",
     .architecture = "MistralForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = false,
     .reads_attention_bias = false,
     .reads_mlp_bias = false,
     .qk_norm = QkNorm::kNone,
     .window_rule = WindowRule::kMistral,
     .hidden_divides = false,
     .vocab_size = 32000,
     .hidden_size = 4096,
     .intermediate_size = 14336,
     .num_layers = 32,
     .num_heads = 32,
     .num_kv_heads = 8,
     .head_dim = 0,
     .max_position_embeddings = 131072,
     .rms_norm_eps = 1e-6,
     .sliding_window = 4096,
     .bos_token_id = 1,
     .eos_token_id = 2},
    {.model_type = "qwen2",
     .architecture = "Qwen2ForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = true,
     .reads_attention_bias = false,
     .reads_mlp_bias = false,
     .qk_norm = QkNorm::kNone,
     .window_rule = WindowRule::kQwen,
     .hidden_divides = false,
     .vocab_size = 151936,
     .hidden_size = 4096,
     .intermediate_size = 22016,
     .num_layers = 32,
     .num_heads = 32,
     .num_kv_heads = 32,
     .head_dim = 0,
     .max_position_embeddings = 32768,
     .rms_norm_eps = 1e-6,
     .sliding_window = 4096,
     .max_window_layers = 28,
     .bos_token_id = -1,
     .eos_token_id = -1},
    {.model_type = "qwen3",
     .architecture = "Qwen3ForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = false,
     .reads_attention_bias = true,
     .reads_mlp_bias = false,
     .qk_norm = QkNorm::kHead,
     .window_rule = WindowRule::kQwen,
     .hidden_divides = false,
     .vocab_size = 151936,
     .hidden_size = 4096,
     .intermediate_size = 22016,
     .num_layers = 32,
     .num_heads = 32,
     .num_kv_heads = 32,
     .head_dim = 128,
     .max_position_embeddings = 32768,
     .rms_norm_eps = 1e-6,
     .sliding_window = 4096,
     .max_window_layers = 28,
     .bos_token_id = -1,
     .eos_token_id = -1},
    {.model_type = "olmo2",
     .architecture = "Olmo2ForCausalLM",
     .names = &kOlmoNames,
     .qkv_bias = false,
     .reads_attention_bias = true,
     .reads_mlp_bias = false,
     .qk_norm = QkNorm::kAll,
     .window_rule = WindowRule::kNone,
     .hidden_divides = false,
     .vocab_size = 50304,
     .hidden_size = 4096,
     .intermediate_size = 11008,
     .num_layers = 32,
     .num_heads = 32,
     .num_kv_heads = 0,
     .head_dim = 0,
     .max_position_embeddings = 2048,
     .rms_norm_eps = 1e-5,
     .bos_token_id = -1,
     .eos_token_id = 50279},
    {.model_type = "smollm3",
     .architecture = "SmolLM3ForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = false,
     .reads_attention_bias = true,
     .reads_mlp_bias = true,
     .qk_norm = QkNorm::kNone,
     .window_rule = WindowRule::kNoRope,
     .hidden_divides = false,
     .own_settings = {"no_rope_layers", "no_rope_layer_interval"},
     .tied = true,
     .vocab_size = 128256,
     .hidden_size = 2048,
     .intermediate_size = 11008,
     .num_layers = 36,
     .num_heads = 16,
     .num_kv_heads = 4,
     .head_dim = 0,
     .max_position_embeddings = 32768,
     .rms_norm_eps = 1e-6,
     .rope_theta = 2e6,
     .bos_token_id = 128000,
     .eos_token_id = 128001},
    {.model_type = "olmo3",
     .architecture = "Olmo3ForCausalLM",
     .names = &kOlmoNames,
     .qkv_bias = false,
     .reads_attention_bias = true,
     .reads_mlp_bias = false,
     .qk_norm = QkNorm::kAll,
     .window_rule = WindowRule::kPattern,
     .rope_rule = RopeRule::kByLayerType,
     .hidden_divides = false,
     .vocab_size = 50304,
     .hidden_size = 4096,
     .intermediate_size = 11008,
     .num_layers = 32,
     .num_heads = 32,
     .num_kv_heads = 0,
     .head_dim = 0,
     .max_position_embeddings = 2048,
     .rms_norm_eps = 1e-5,
     .rope_theta = 5e5,
     .local_rope_theta = 5e5,
     .sliding_window = 4096,
     .window_pattern = 4,
     .bos_token_id = -1,
     .eos_token_id = 50279},
    {.model_type = "phi3",
     .architecture = "Phi3ForCausalLM",
     .names = &kPhiNames,
     .qkv_bias = false,
     .reads_attention_bias = false,
     .reads_mlp_bias = false,
     .qk_norm = QkNorm::kNone,
     .window_rule = WindowRule::kEvery,
     .rope_rule = RopeRule::kLongRope,
     .hidden_divides = false,
     .own_settings = {"partial_rotary_factor"},
     .vocab_size = 32064,
     .hidden_size = 3072,
     .intermediate_size = 8192,
     .num_layers = 32,
     .num_heads = 32,
     .num_kv_heads = 0,
     .head_dim = 0,
     .max_position_embeddings = 4096,
     .rms_norm_eps = 1e-5,
     .original_max_position_embeddings = 4096,
     .bos_token_id = 1,
     .eos_token_id = 32000},
    {.model_type = "gemma3_text",
     .architecture = "Gemma3ForCausalLM",
     .names = &kGemmaNames,
     .qkv_bias = false,
     .reads_attention_bias = true,
     .reads_mlp_bias = false,
     .qk_norm = QkNorm::kHead,
     .norm_plus_one = true,
     .scaled_embedding = true,
     .window_rule = WindowRule::kPattern,
     .rope_rule = RopeRule::kByLayerType,
     .hidden_divides = true,
     .own_settings = {"hidden_activation", "query_pre_attn_scalar", "rope_local_base_freq", "sliding_window_pattern"},
     .activation_key = "hidden_activation",
     .activation = Activation::kGeluTanh,
     .tied = true,
     .vocab_size = 262208,
     .hidden_size = 2304,
     .intermediate_size = 9216,
     .num_layers = 26,
     .num_heads = 8,
     .num_kv_heads = 4,
     .head_dim = 256,
     .max_position_embeddings = 131072,
     .rms_norm_eps = 1e-6,
     .rope_theta = 1e6,
     .local_rope_theta = 1e4,
     .sliding_window = 4096,
     .window_pattern = 6,
     .query_pre_attn_scalar = 256,
     .bos_token_id = 2,
     .eos_token_id = 1},
};

}  // namespace

std::string TensorNames::Layer(int layer, const char* module, const char* parameter) const {
  std::string name = layers;
  name += std::to_string(layer);
  name += '.';
  name += module;
  name += '.';
  return name += parameter;
}

bool Family::Reads(std::string_view setting) const {
  return std::find(own_settings.begin(), own_settings.end(), setting) != own_settings.end();
}

std::span<const Family> Families() { return kFamilies; }

const Family* FindFamily(std::string_view model_type) {
  for (const Family& family : kFamilies)
    if (model_type == family.model_type) return &family;
  return nullptr;
}

std::string FamilyList() {
  std::string list;
  for (const Family& family : kFamilies) {
    if (!list.empty()) list += ", ";
    list += family.model_type;
  }
  return list;
}

}  // namespace lacuna
