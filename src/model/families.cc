#include "model/families.h"

namespace lacuna {
namespace {

constexpr TensorNames kLlamaNames = {
    .embedding = "model.embed_tokens",
    .layers = "model.layers.",
    .input_norm = "input_layernorm",
    .q = "self_attn.q_proj",
    .k = "self_attn.k_proj",
    .v = "self_attn.v_proj",
    .o = "self_attn.o_proj",
    .q_norm = "self_attn.q_norm",
    .k_norm = "self_attn.k_norm",
    .post_norm = "post_attention_layernorm",
    .gate = "mlp.gate_proj",
    .up = "mlp.up_proj",
    .down = "mlp.down_proj",
    .final_norm = "model.norm",
    .head = "lm_head",
};

constexpr Family kFamilies[] = {
    {.model_type = "llama",
     .architecture = "LlamaForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = false,
     .reads_attention_bias = true,
     .reads_mlp_bias = true,
     .qk_norm = false,
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
     .sliding_window = 0,
     .max_window_layers = 0,
     .bos_token_id = 1,
     .eos_token_id = 2},
    {.model_type = "mistral",
     .architecture = "MistralForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = false,
     .reads_attention_bias = false,
     .reads_mlp_bias = false,
     .qk_norm = false,
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
     .max_window_layers = 0,
     .bos_token_id = 1,
     .eos_token_id = 2},
    {.model_type = "qwen2",
     .architecture = "Qwen2ForCausalLM",
     .names = &kLlamaNames,
     .qkv_bias = true,
     .reads_attention_bias = false,
     .reads_mlp_bias = false,
     .qk_norm = false,
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
     .qk_norm = true,
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
