#include "model/config.h"

#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/gguf.h"
#include "io/json.h"
#include "model/config_rules.h"
#include "model/model_texts.h"

namespace lacuna {
namespace {

// Bounds that keep every product of two sizes inside 64 bits, far beyond every model there is.
constexpr int64_t kMaxHidden = 1 << 20;
constexpr int64_t kMaxIntermediate = 1 << 24;
constexpr int64_t kMaxLayers = 10000;
constexpr int64_t kMaxHeads = 1 << 16;
constexpr int64_t kMaxHeadDim = 1 << 13;
constexpr int64_t kMaxVocab = 1 << 27;

constexpr JsonLimits kLimits = {.max_depth = 64, .max_bytes = size_t{16} << 20};

Status ParseSizes(const JsonReader& reader, ModelConfig* config) {
  const Family& family = *config->family;
  const auto size = [&](const char* key, int64_t absent, int64_t max, int* out) -> Status {
    LACUNA_ASSIGN_OR_RETURN(const int64_t value, reader.IntOr(key, absent, 1, max));
    *out = static_cast<int>(value);
    return {};
  };
  LACUNA_RETURN_IF_ERROR(size("hidden_size", family.hidden_size, kMaxHidden, &config->hidden_size));
  LACUNA_RETURN_IF_ERROR(
      size("intermediate_size", family.intermediate_size, kMaxIntermediate, &config->intermediate_size));
  LACUNA_RETURN_IF_ERROR(size("num_hidden_layers", family.num_layers, kMaxLayers, &config->num_layers));
  LACUNA_RETURN_IF_ERROR(size("num_attention_heads", family.num_heads, kMaxHeads, &config->num_heads));
  LACUNA_RETURN_IF_ERROR(size("vocab_size", family.vocab_size, kMaxVocab, &config->vocab_size));
  LACUNA_ASSIGN_OR_RETURN(config->max_position_embeddings,
                          reader.IntOr("max_position_embeddings", family.max_position_embeddings, 1, kMaxPositions));
  LACUNA_ASSIGN_OR_RETURN(const double eps, reader.NumberOr("rms_norm_eps", family.rms_norm_eps, 0, 1));
  config->rms_norm_eps = static_cast<float>(eps);

  // Absent and null differ: null always means one K/V head for each query head.
  config->num_kv_heads = config->num_heads;
  if (reader.HasValue("num_key_value_heads")) {
    LACUNA_RETURN_IF_ERROR(size("num_key_value_heads", 0, kMaxHeads, &config->num_kv_heads));
  } else if (!reader.Has("num_key_value_heads") && family.num_kv_heads > 0) {
    config->num_kv_heads = static_cast<int>(family.num_kv_heads);
  }
  if (config->num_heads % config->num_kv_heads != 0)
    return reader.Error("num_key_value_heads", "comes out as " + std::to_string(config->num_kv_heads) +
                                                   "; it must divide num_attention_heads, " +
                                                   std::to_string(config->num_heads));

  if (family.hidden_divides && config->hidden_size % config->num_heads != 0)
    return reader.Error("hidden_size", "is " + std::to_string(config->hidden_size) +
                                           "; it must be a multiple of num_attention_heads, " +
                                           std::to_string(config->num_heads));
  config->head_dim = config->hidden_size / config->num_heads;
  if (family.head_dim > 0) {  // a number by itself: null is an error
    LACUNA_RETURN_IF_ERROR(size("head_dim", family.head_dim, kMaxHeadDim, &config->head_dim));
  } else if (reader.HasValue("head_dim")) {
    LACUNA_RETURN_IF_ERROR(size("head_dim", 0, kMaxHeadDim, &config->head_dim));
  }
  if (config->head_dim < 2 || config->head_dim % 2 != 0 || config->head_dim > kMaxHeadDim)
    return reader.Error("head_dim", "comes out as " + std::to_string(config->head_dim) +
                                        "; rotary embedding needs an even number from 2 to " +
                                        std::to_string(kMaxHeadDim));
  config->score_divisor = config->head_dim;
  if (family.Reads("query_pre_attn_scalar")) {
    LACUNA_ASSIGN_OR_RETURN(
        config->score_divisor,
        reader.NumberOr("query_pre_attn_scalar", static_cast<double>(family.query_pre_attn_scalar), 1e-6, 1e9));
  }
  return {};
}

Status ParseFlags(const JsonReader& reader, ModelConfig* config) {
  const Family& family = *config->family;
  config->activation = family.activation;
  if (reader.Has(family.activation_key)) {
    LACUNA_ASSIGN_OR_RETURN(const std::string act, reader.String(family.activation_key));
    const bool gelu = act == "gelu_pytorch_tanh";
    if (!gelu && act != "silu" && act != "swish")
      return reader.WrongValue(family.activation_key, "supported are silu and gelu_pytorch_tanh");
    config->activation = gelu ? Activation::kGeluTanh : Activation::kSilu;
  }
  LACUNA_ASSIGN_OR_RETURN(config->tie_word_embeddings, reader.BoolOr("tie_word_embeddings", family.tied));
  config->qk_norm = family.qk_norm;
  // GGUF files hold Gemma's norms with their 1 added.
  LACUNA_ASSIGN_OR_RETURN(const bool plus_one, reader.BoolOr("norm_plus_one", family.norm_plus_one));
  if (plus_one && !family.norm_plus_one)
    return reader.WrongValue("norm_plus_one", std::string(family.model_type) + " models have no such norms");
  config->norm_plus_one = plus_one;
  config->scaled_embedding = family.scaled_embedding;
  config->qkv_bias = family.qkv_bias;
  if (family.reads_attention_bias) {
    LACUNA_ASSIGN_OR_RETURN(config->o_bias, reader.BoolOr("attention_bias", false));
    config->qkv_bias = config->qkv_bias || config->o_bias;
  }
  if (family.reads_mlp_bias) {
    LACUNA_ASSIGN_OR_RETURN(config->mlp_bias, reader.BoolOr("mlp_bias", false));
  }
  return {};
}

// Token ids: the first reader that says something, then the family. Ids outside the vocabulary never occur in a text,
// and published files have some (-1): they are left out.
Status ParseTokenIds(const std::vector<const JsonReader*>& readers, ModelConfig* config) {
  const auto find = [&](const char* key, int32_t absent, std::vector<int32_t>* ids) -> Status {
    bool said = false, named = false;
    for (const JsonReader* reader : readers) {
      named = named || reader->Has(key);
      LACUNA_ASSIGN_OR_RETURN(const auto list, reader->OptionalInts(key, INT32_MIN, INT32_MAX));
      if (!list || said) continue;
      said = true;
      for (const int64_t id : *list)
        if (id >= 0 && id < config->vocab_size) ids->push_back(static_cast<int32_t>(id));
    }
    if (!named && absent >= 0 && absent < config->vocab_size) ids->push_back(absent);
    return {};
  };
  std::vector<int32_t> bos;
  LACUNA_RETURN_IF_ERROR(find("bos_token_id", config->family->bos_token_id, &bos));
  if (!bos.empty()) config->bos_token_id = bos.front();
  return find("eos_token_id", config->family->eos_token_id, &config->eos_token_ids);
}

}  // namespace

Result<ModelConfig> ParseConfig(std::string_view config_text, const std::string& config_name,
                                std::string_view generation_text, const std::string& generation_name) {
  LACUNA_ASSIGN_OR_RETURN(const Json json, ParseJson(config_text, config_name, kLimits));
  LACUNA_ASSIGN_OR_RETURN(const JsonReader reader, JsonReader::Create(config_name, json));
  std::vector<const JsonReader*> id_readers = {&reader};
  std::optional<Json> generation_json;
  std::optional<JsonReader> generation;
  if (!generation_text.empty()) {
    LACUNA_ASSIGN_OR_RETURN(generation_json, ParseJson(generation_text, generation_name, kLimits));
    LACUNA_ASSIGN_OR_RETURN(generation, JsonReader::Create(generation_name, *generation_json));
    id_readers.insert(id_readers.begin(), &*generation);
  }

  ModelConfig config;
  if (!reader.Has("model_type")) return reader.Error("model_type", "is missing; supported are " + FamilyList());
  LACUNA_ASSIGN_OR_RETURN(config.model_type, reader.String("model_type"));
  config.family = FindFamily(config.model_type);
  if (!config.family) return reader.WrongValue("model_type", "supported are " + FamilyList());
  LACUNA_RETURN_IF_ERROR(RejectForeignSettings(reader, *config.family));

  LACUNA_ASSIGN_OR_RETURN(const auto architectures, reader.OptionalStrings("architectures"));
  config.architecture = architectures && !architectures->empty() ? architectures->front() : config.family->architecture;
  LACUNA_ASSIGN_OR_RETURN(config.dtype, reader.StringOr(reader.HasValue("dtype") ? "dtype" : "torch_dtype", ""));

  LACUNA_RETURN_IF_ERROR(ParseSizes(reader, &config));
  LACUNA_RETURN_IF_ERROR(ParseFlags(reader, &config));
  std::vector<std::string> layer_types;
  LACUNA_RETURN_IF_ERROR(ParseLayers(reader, &config, &layer_types));
  LACUNA_RETURN_IF_ERROR(ParseRope(reader, layer_types, &config));
  LACUNA_RETURN_IF_ERROR(ParseTokenIds(id_readers, &config));
  // Any other quantization was refused above.
  if (const Json* quantization = reader.Find("quantization_config"); quantization && !quantization->empty()) {
    if (quantization->value("quant_method", Json()) == "lacuna") {
      LACUNA_ASSIGN_OR_RETURN(config.quantization, ParseQuantization(config_name, *quantization));
    } else {
      LACUNA_ASSIGN_OR_RETURN(config.foreign, ParseForeignScheme(config_name, *quantization));
    }
  }
  return config;
}

Result<ModelConfig> LoadConfig(const std::string& dir) {
  LACUNA_RETURN_IF_ERROR(CheckModelPath(dir));
  const std::string config_path = ModelTextPath(dir, "config.json");
  const std::string generation_path = ModelTextPath(dir, "generation_config.json");
  LACUNA_ASSIGN_OR_RETURN(const auto config, ReadModelText(dir, "config.json", kLimits.max_bytes));
  if (!config) return InvalidInput(config_path + ": no such file" + GgufInside(dir));
  LACUNA_ASSIGN_OR_RETURN(const auto generation, ReadModelText(dir, "generation_config.json", kLimits.max_bytes));
  if (generation && generation->empty()) return InvalidInput(generation_path + ": the file is empty");
  return ParseConfig(*config, config_path, generation.value_or(""), generation_path);
}

}  // namespace lacuna
