#include "model/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "io/gguf_tensors.h"
#include "io/json.h"

namespace lacuna {
namespace {

using OrderedJson = nlohmann::ordered_json;
constexpr int64_t kMax = int64_t{1} << 40;

struct Arch {
  const char *name, *model_type;
  bool biases_known;  // q/k/v biases are the family's own
};
constexpr Arch kArchs[] = {
    {"llama", "llama", false}, {"qwen2", "qwen2", true}, {"qwen3", "qwen3", false}, {"gemma3", "gemma3_text", false}};

// ARCH.* that are read below.
constexpr std::string_view kKnown[] = {"context_length",
                                       "embedding_length",
                                       "block_count",
                                       "feed_forward_length",
                                       "vocab_size",
                                       "attention.head_count",
                                       "attention.head_count_kv",
                                       "attention.key_length",
                                       "attention.value_length",
                                       "attention.layer_norm_rms_epsilon",
                                       "attention.sliding_window",
                                       "attention.sliding_window_pattern",
                                       "rope.dimension_count",
                                       "rope.freq_base",
                                       "rope.freq_base_swa",
                                       "rope.scale_linear",
                                       "rope.scaling.type",
                                       "rope.scaling.factor",
                                       "rope.scaling.original_context_length",
                                       "rope.scaling.attn_factor",
                                       "rope.scaling.finetuned",
                                       "rope.scaling.yarn_attn_factor",
                                       "rope.scaling.yarn_beta_fast",
                                       "rope.scaling.yarn_beta_slow",
                                       "rope.scaling.yarn_ext_factor",
                                       "expert_count",
                                       "expert_used_count",
                                       "tensor_data_layout"};

constexpr std::string_view kTurnEnds[] = {"<|eot_id|>",      "<|eom_id|>",    "<|im_end|>",
                                          "<|end|>",         "<end_of_turn>", "<|endoftext|>",
                                          "<|end_of_text|>", "<EOT>",         "<|end_of_turn|>"};

class Converter {
 public:
  Converter(const GgufReader& metadata, std::span<const Tensor> tensors) : metadata_(metadata), tensors_(tensors) {}

  Result<std::string> Convert() {
    LACUNA_RETURN_IF_ERROR(RefuseSplitGguf(metadata_));
    LACUNA_ASSIGN_OR_RETURN(const std::optional<std::string> name, metadata_.String("general.architecture"));
    if (!name) return metadata_.Missing("general.architecture");
    const auto* arch =
        std::find_if(std::begin(kArchs), std::end(kArchs), [&](const Arch& a) { return *name == a.name; });
    if (arch == std::end(kArchs))
      return metadata_.Error(
          "general.architecture",
          "is " + JsonQuote(name->substr(0, 40)) + "; supported are llama (with Mistral), qwen2, qwen3 and gemma3");
    arch_ = arch;
    LACUNA_RETURN_IF_ERROR(RefuseUnknown());
    json_["architectures"] = nlohmann::json::array();
    json_["model_type"] = arch->model_type;
    LACUNA_RETURN_IF_ERROR(Sizes());
    LACUNA_RETURN_IF_ERROR(Layout());
    LACUNA_RETURN_IF_ERROR(gemma() ? GemmaLayers() : Window());
    LACUNA_RETURN_IF_ERROR(Rope());
    LACUNA_RETURN_IF_ERROR(TokenIds());
    return json_.dump(2) + "\n";
  }

 private:
  const Tensor* FindTensor(std::string_view name) const {
    const auto it = std::find_if(tensors_.begin(), tensors_.end(), [&](const Tensor& t) { return t.name == name; });
    return it == tensors_.end() ? nullptr : &*it;
  }

  bool gemma() const { return std::string_view(arch_->name) == "gemma3"; }

  std::string Key(std::string_view name) const { return std::string(arch_->name).append(".").append(name); }

  Status RefuseUnknown() const {
    const std::string prefix = Key("");
    for (const auto& [key, value] : metadata_.metadata()) {
      if (!key.starts_with(prefix)) continue;
      if (std::find(std::begin(kKnown), std::end(kKnown), std::string_view(key).substr(prefix.size())) ==
          std::end(kKnown))
        return metadata_.Error(key.substr(0, 100), "is a setting that is not known; it may change the result");
    }
    return {};
  }

  Result<int64_t> Size(const char* key, std::optional<int64_t> absent = {}) const {
    LACUNA_ASSIGN_OR_RETURN(const auto value, metadata_.IntForAllLayers(Key(key), 1, kMax));
    if (!value && !absent) return metadata_.Missing(Key(key));
    return value ? *value : *absent;
  }

  Status Sizes() {
    LACUNA_ASSIGN_OR_RETURN(const int64_t hidden, Size("embedding_length"));
    LACUNA_ASSIGN_OR_RETURN(const int64_t ffn, Size("feed_forward_length"));
    LACUNA_ASSIGN_OR_RETURN(const int64_t layers, Size("block_count"));
    LACUNA_ASSIGN_OR_RETURN(const int64_t heads, Size("attention.head_count"));
    LACUNA_ASSIGN_OR_RETURN(const int64_t kv_heads, Size("attention.head_count_kv", heads));
    LACUNA_ASSIGN_OR_RETURN(const int64_t context, Size("context_length"));
    LACUNA_ASSIGN_OR_RETURN(const int64_t head_dim, Size("attention.key_length", hidden / heads));
    LACUNA_ASSIGN_OR_RETURN(const int64_t value_dim, Size("attention.value_length", hidden / heads));
    LACUNA_ASSIGN_OR_RETURN(const int64_t rope_dim, Size("rope.dimension_count", head_dim));
    if (value_dim != head_dim)
      return metadata_.Error(Key("attention.value_length"), "comes out as " + std::to_string(value_dim) +
                                                                "; it must equal attention.key_length, " +
                                                                std::to_string(head_dim));
    if (rope_dim != head_dim)
      return metadata_.Error(
          Key("rope.dimension_count"),
          "is " + std::to_string(rope_dim) + "; it must be the heads' " + "size, " + std::to_string(head_dim));
    LACUNA_ASSIGN_OR_RETURN(const auto eps, metadata_.Number(Key("attention.layer_norm_rms_epsilon"), 0, 1));
    if (!eps) return metadata_.Missing(Key("attention.layer_norm_rms_epsilon"));
    const Tensor* embedding = FindTensor("token_embd.weight");
    if (!embedding)
      return InvalidInput(metadata_.file() + ": tensor `token_embd.weight` is missing" +
                          (tensors_.empty() ? ": the file has a vocabulary and no model" : ""));
    json_["hidden_size"] = hidden;
    json_["intermediate_size"] = ffn;
    json_["num_hidden_layers"] = layers;
    json_["num_attention_heads"] = heads;
    json_["num_key_value_heads"] = kv_heads;
    json_["head_dim"] = head_dim;
    json_["vocab_size"] = embedding->shape[0];
    json_["max_position_embeddings"] = context;
    json_["rms_norm_eps"] = *eps;
    json_[gemma() ? "hidden_activation" : "hidden_act"] = gemma() ? "gelu_pytorch_tanh" : "silu";
    json_["tie_word_embeddings"] = FindTensor("output.weight") == nullptr;
    head_dim_ = head_dim;
    context_ = context;
    return {};
  }

  Status Layout() {
    LACUNA_ASSIGN_OR_RETURN(const auto experts, metadata_.Int(Key("expert_count"), 0, kMax));
    if (experts.value_or(0) > 0)
      return metadata_.Error(Key("expert_count"), "is " + std::to_string(*experts) + "; experts are not supported");
    LACUNA_ASSIGN_OR_RETURN(const auto layout, metadata_.String(Key("tensor_data_layout")));
    if (layout && *layout != "Meta AI original pth")
      return metadata_.Error(Key("tensor_data_layout"),
                             "is " + JsonQuote(layout->substr(0, 40)) + ", which is not supported");
    const auto any = [&](const char* name) { return FindTensor(std::string("blk.0.") + name + ".bias") != nullptr; };
    if (!arch_->biases_known && (any("attn_q") || any("attn_output"))) json_["attention_bias"] = true;
    if (any("ffn_gate") || any("ffn_up") || any("ffn_down")) json_["mlp_bias"] = true;
    return {};
  }

  Status Window() {
    for (const char* key : {"attention.sliding_window_pattern", "rope.freq_base_swa"})
      if (metadata_.Has(Key(key))) return metadata_.Error(Key(key), "is supported for architecture gemma3 only");
    LACUNA_ASSIGN_OR_RETURN(const auto window, metadata_.Int(Key("attention.sliding_window"), 0, kMax));
    if (window.value_or(0) == 0 || *window >= context_) return {};
    if (std::string_view(arch_->name) != "llama")
      return metadata_.Error(Key("attention.sliding_window"),
                             "is " + std::to_string(*window) + "; windows are supported for architecture llama only");
    json_["model_type"] = "mistral";
    json_["sliding_window"] = *window;
    return {};
  }

  // Gemma 3: layers in a pattern, norms that hold 1 + w, and a scale of the scores that only the 27B model (which is
  // told by its layers, as llama.cpp does it) does not take from the size of its heads.
  Status GemmaLayers() {
    LACUNA_ASSIGN_OR_RETURN(const auto window, metadata_.Int(Key("attention.sliding_window"), 1, kMax));
    if (!window) return metadata_.Missing(Key("attention.sliding_window"));
    json_["sliding_window"] = *window;
    json_["norm_plus_one"] = false;
    const int64_t layers = json_["num_hidden_layers"], heads = json_["num_attention_heads"];
    json_["query_pre_attn_scalar"] = layers == 62 ? json_["hidden_size"].get<int64_t>() / heads : head_dim_;
    const std::string key = Key("attention.sliding_window_pattern");
    const GgufValue* pattern = metadata_.Find(key);
    if (!pattern || !pattern->array()) {
      LACUNA_ASSIGN_OR_RETURN(const auto every, metadata_.Int(key, 1, kMax));
      json_["sliding_window_pattern"] = every.value_or(6);
      return {};
    }
    if (pattern->count != static_cast<uint64_t>(layers))
      return metadata_.Error(key, "has " + std::to_string(pattern->count) + " entries; it must have one for each of " +
                                      std::to_string(layers) + " layers");
    OrderedJson types = nlohmann::json::array();
    for (uint64_t i = 0; i < pattern->count; ++i) {
      const std::optional<bool> slides = pattern->Bool(i);
      if (!slides) return metadata_.Error(key, "must be a number, or true and false for each layer");
      types.push_back(*slides ? "sliding_attention" : "full_attention");
    }
    json_["layer_types"] = std::move(types);
    return {};
  }

  Status Rope() {
    LACUNA_ASSIGN_OR_RETURN(const auto theta, metadata_.Number(Key("rope.freq_base"), 1, 1e12));
    LACUNA_ASSIGN_OR_RETURN(const auto type, metadata_.String(Key("rope.scaling.type")));
    LACUNA_ASSIGN_OR_RETURN(auto factor, metadata_.Number(Key("rope.scaling.factor"), 0, 1e6));
    LACUNA_ASSIGN_OR_RETURN(const auto linear, metadata_.Number(Key("rope.scale_linear"), 0, 1e6));
    LACUNA_ASSIGN_OR_RETURN(const auto original, metadata_.Int(Key("rope.scaling.original_context_length"), 0, kMax));
    LACUNA_ASSIGN_OR_RETURN(const auto attention, metadata_.Number(Key("rope.scaling.attn_factor"), 0, 1e6));
    OrderedJson rope = {{"rope_type", "default"}, {"rope_theta", theta.value_or(gemma() ? 1e6 : 10000)}};
    if (!factor) factor = linear;
    const std::string kind = type.value_or(factor ? "linear" : "none");
    if (kind == "linear" && factor.value_or(0) != 0 && *factor != 1) {
      rope["rope_type"] = "linear";
      rope["factor"] = *factor;
    } else if (kind == "yarn") {
      if (factor.value_or(0) == 0) return metadata_.Missing(Key("rope.scaling.factor"));
      rope["rope_type"] = "yarn";
      rope["factor"] = *factor;
      if (original.value_or(0) > 0) rope["original_max_position_embeddings"] = *original;
      // llama.cpp multiplies YaRN's own factor by it, transformers takes it instead.
      if (attention && *attention != 1) rope["attention_factor"] = *attention * (1 + 0.1 * std::log(*factor));
      LACUNA_RETURN_IF_ERROR(YarnDetails(*factor, &rope));
    } else if (kind != "none" && kind != "linear") {
      return metadata_.Error(Key("rope.scaling.type"),
                             "is " + JsonQuote(kind.substr(0, 40)) + "; supported are none, linear and yarn");
    }
    if (attention && *attention != 1 && kind != "yarn")
      return metadata_.Error(Key("rope.scaling.attn_factor"), "goes with yarn alone");
    if (const Tensor* factors = FindTensor("rope_freqs.weight")) LACUNA_RETURN_IF_ERROR(Llama3(*factors, &rope));
    if (!gemma()) {
      json_["rope_parameters"] = std::move(rope);
      return {};
    }
    LACUNA_ASSIGN_OR_RETURN(const auto local, metadata_.Number(Key("rope.freq_base_swa"), 1, 1e12));
    const OrderedJson sliding = {{"rope_type", "default"}, {"rope_theta", local.value_or(10000)}};
    json_["rope_parameters"] = {{"full_attention", std::move(rope)}, {"sliding_attention", sliding}};
    return {};
  }

  // Keys of newer converters. The two that are not read may say only what holds anyway.
  Status YarnDetails(double factor, OrderedJson* rope) const {
    for (const char* name : {"beta_fast", "beta_slow"}) {
      LACUNA_ASSIGN_OR_RETURN(const auto beta, metadata_.Number(Key("rope.scaling.yarn_").append(name), 1e-6, 1e6));
      if (beta) (*rope)[name] = *beta;
    }
    const std::pair<const char*, double> fixed[] = {{"ext_factor", 1.0}, {"attn_factor", 1 + 0.1 * std::log(factor)}};
    for (const auto& [name, own] : fixed) {
      const std::string key = Key("rope.scaling.yarn_").append(name);
      LACUNA_ASSIGN_OR_RETURN(const auto value, metadata_.Number(key, -1e6, 1e6));
      if (value && *value != 1 && std::fabs(*value - own) > 1e-4)
        return metadata_.Error(key, "is " + std::to_string(*value) +
                                        ", which is not supported: it must be absent, 1 or " + "what YaRN gives, " +
                                        std::to_string(own));
    }
    return {};
  }

  // rope_freqs.weight divides the frequencies. It holds what Llama 3's rule gives, whose numbers are found again here,
  // so that the frequencies have the bits that the original has.
  Status Llama3(const Tensor& tensor, OrderedJson* rope) const {
    const std::string where = metadata_.file() + ": tensor `rope_freqs.weight` ";
    if (tensor.dtype != DType::kF32 || tensor.elements() != head_dim_ / 2)
      return InvalidInput(where + "is " + std::string(DTypeName(tensor.dtype)) + " " + ShapeText(tensor.shape) +
                          ", expected F32 [" + std::to_string(head_dim_ / 2) + "]");
    std::vector<float> stored(static_cast<size_t>(tensor.elements()));
    std::memcpy(stored.data(), tensor.data.data(), tensor.data.size());
    if (std::all_of(stored.begin(), stored.end(), [](float f) { return f == 1; })) return {};
    if ((*rope)["rope_type"] != "default")
      return InvalidInput(where + "does not go with rope.scaling.type " + (*rope)["rope_type"].dump());
    const double theta = (*rope)["rope_theta"], largest = *std::max_element(stored.begin(), stored.end());
    for (const double factor : {largest, 8.0, 32.0, 4.0, 16.0, 64.0}) {
      // The three others can be scaled together without a change; every published model has 1 and 4.
      for (double original = 32; original <= 1 << 20; original *= 2) {
        if (!Fits(stored, theta, factor, 1, 4, original)) continue;
        (*rope)["rope_type"] = "llama3";
        (*rope)["factor"] = factor;
        (*rope)["low_freq_factor"] = 1.0;
        (*rope)["high_freq_factor"] = 4.0;
        (*rope)["original_max_position_embeddings"] = original;
        return {};
      }
    }
    return InvalidInput(where + "does not hold what Llama 3's rope scaling gives; other factors are not supported");
  }

  static bool Fits(const std::vector<float>& stored, double theta, double factor, double low, double high,
                   double original) {
    for (size_t i = 0; i < stored.size(); ++i) {
      const double wave = 2 * M_PI * std::pow(theta, static_cast<double>(i) / static_cast<double>(stored.size()));
      const double smooth = (original / wave - low) / (high - low);
      const double expected = wave < original / high  ? 1
                              : wave > original / low ? factor
                                                      : 1 / ((1 - smooth) / factor + smooth);
      if (!(std::fabs(stored[i] - expected) <= 1e-4 * expected)) return false;
    }
    return true;
  }

  Status TokenIds() {
    LACUNA_ASSIGN_OR_RETURN(const GgufValue* tokens, metadata_.Strings("tokenizer.ggml.tokens"));
    LACUNA_ASSIGN_OR_RETURN(const GgufValue* types, metadata_.Numbers("tokenizer.ggml.token_type"));
    LACUNA_ASSIGN_OR_RETURN(const auto bos, metadata_.Int("tokenizer.ggml.bos_token_id", 0, INT32_MAX));
    if (bos)
      json_["bos_token_id"] = *bos;
    else
      json_["bos_token_id"] = nullptr;
    std::vector<int64_t> ends;
    const auto add = [&](int64_t id) {
      if (std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
    };
    for (const char* key : {"eos", "eot", "eom"}) {
      LACUNA_ASSIGN_OR_RETURN(const auto id,
                              metadata_.Int(std::string("tokenizer.ggml.") + key + "_token_id", 0, INT32_MAX));
      if (id) add(*id);
    }
    for (uint64_t id = 0; tokens && types && id < std::min(tokens->count, types->count); ++id) {
      if (types->Int(id) == 3 &&
          std::find(std::begin(kTurnEnds), std::end(kTurnEnds), tokens->text[id]) != std::end(kTurnEnds))
        add(static_cast<int64_t>(id));
    }
    if (ends.empty())
      json_["eos_token_id"] = nullptr;
    else
      json_["eos_token_id"] = ends;
    return {};
  }

  const GgufReader& metadata_;
  const std::span<const Tensor> tensors_;
  const Arch* arch_ = nullptr;
  OrderedJson json_;
  int64_t head_dim_ = 0, context_ = 0;
};

}  // namespace

Result<std::string> GgufConfigJson(const GgufReader& metadata, std::span<const Tensor> tensors) {
  return Converter(metadata, tensors).Convert();
}

}  // namespace lacuna
