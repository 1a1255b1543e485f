#include "tools/synth_shapes.h"

namespace lacuna::tools {
namespace {

struct Shape {
  const char* name;
  const char* family;
  int hidden, intermediate, layers, heads, kv_heads, head_dim, vocab, context;
  double theta, eps;
  bool tied;
  double llama3_factor;  // 0: default rope
};

// As the models' own config.json say.
constexpr Shape kShapes[] = {
    {"tinyllama-1.1b", "llama", 2048, 5632, 22, 32, 4, 64, 32000, 2048, 1e4, 1e-5, false, 0},
    {"llama-2-7b", "llama", 4096, 11008, 32, 32, 32, 128, 32000, 4096, 1e4, 1e-5, false, 0},
    {"llama-3.2-1b", "llama", 2048, 8192, 16, 32, 8, 64, 128256, 131072, 5e5, 1e-5, true, 32},
    {"llama-3.2-3b", "llama", 3072, 8192, 28, 24, 8, 128, 128256, 131072, 5e5, 1e-5, true, 32},
    {"llama-3.1-8b", "llama", 4096, 14336, 32, 32, 8, 128, 128256, 131072, 5e5, 1e-5, false, 8},
    {"mistral-7b", "mistral", 4096, 14336, 32, 32, 8, 128, 32768, 32768, 1e6, 1e-5, false, 0},
    {"qwen2.5-0.5b", "qwen2", 896, 4864, 24, 14, 2, 64, 151936, 32768, 1e6, 1e-6, true, 0},
    {"qwen2.5-1.5b", "qwen2", 1536, 8960, 28, 12, 2, 128, 151936, 32768, 1e6, 1e-6, true, 0},
    {"qwen2.5-3b", "qwen2", 2048, 11008, 36, 16, 2, 128, 151936, 32768, 1e6, 1e-6, true, 0},
    {"qwen2.5-7b", "qwen2", 3584, 18944, 28, 28, 4, 128, 152064, 32768, 1e6, 1e-6, false, 0},
    {"qwen3-0.6b", "qwen3", 1024, 3072, 28, 16, 8, 128, 151936, 40960, 1e6, 1e-6, true, 0},
    {"qwen3-1.7b", "qwen3", 2048, 6144, 28, 16, 8, 128, 151936, 40960, 1e6, 1e-6, true, 0},
    {"qwen3-4b", "qwen3", 2560, 9728, 36, 32, 8, 128, 151936, 40960, 1e6, 1e-6, true, 0},
    {"qwen3-8b", "qwen3", 4096, 12288, 36, 32, 8, 128, 151936, 40960, 1e6, 1e-6, false, 0},
};

const char* Architecture(const std::string& family) {
  if (family == "llama") return "LlamaForCausalLM";
  if (family == "mistral") return "MistralForCausalLM";
  return family == "qwen2" ? "Qwen2ForCausalLM" : "Qwen3ForCausalLM";
}

}  // namespace

std::optional<nlohmann::ordered_json> ShapeConfig(const std::string& name) {
  for (const Shape& s : kShapes) {
    if (name != s.name) continue;
    nlohmann::ordered_json rope = {{"rope_type", "default"}, {"rope_theta", s.theta}};
    if (s.llama3_factor > 0) {
      rope = {{"rope_type", "llama3"},  {"rope_theta", s.theta},   {"factor", s.llama3_factor},
              {"low_freq_factor", 1.0}, {"high_freq_factor", 4.0}, {"original_max_position_embeddings", 8192}};
    }
    nlohmann::ordered_json config = {{"architectures", {Architecture(s.family)}},
                                     {"model_type", s.family},
                                     {"hidden_size", s.hidden},
                                     {"intermediate_size", s.intermediate},
                                     {"num_hidden_layers", s.layers},
                                     {"num_attention_heads", s.heads},
                                     {"num_key_value_heads", s.kv_heads},
                                     {"head_dim", s.head_dim},
                                     {"vocab_size", s.vocab},
                                     {"max_position_embeddings", s.context},
                                     {"rms_norm_eps", s.eps},
                                     {"rope_parameters", rope},
                                     {"hidden_act", "silu"},
                                     {"tie_word_embeddings", s.tied},
                                     {"bos_token_id", s.vocab - 2},
                                     {"eos_token_id", s.vocab - 1},
                                     {"dtype", "bfloat16"}};
    if (std::string(s.family) == "mistral") config["sliding_window"] = nullptr;
    return config;
  }
  return std::nullopt;
}

std::string ShapeList() {
  std::string list;
  for (const Shape& s : kShapes) list += (list.empty() ? "" : ", ") + std::string(s.name);
  return list;
}

}  // namespace lacuna::tools
