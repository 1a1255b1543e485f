// Rotary settings, in the order of precedence of transformers 5 (modeling_rope_utils.py, RotaryEmbeddingConfigMixin):
//   - `rope_scaling`, unless null or empty, replaces `rope_parameters` as a whole;
//   - `rope_theta` inside the dictionary goes before the one at the top, which goes before the family's;
//   - `rope_type` goes before `type`; neither means default;
//   - `original_max_position_embeddings` at the top goes before the one inside, which goes before
//     max_position_embeddings; in dictionaries nested by layer type the one at the top does not count.
// Families with RopeRule::kByLayerType have a theta for each type, and `rope_scaling` is for full attention alone
// (configuration_gemma3.py, configuration_olmo3.py). Those with kLongRope have a default of
// original_max_position_embeddings at the top, which so always wins (configuration_phi3.py).
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "model/config_rules.h"

namespace lacuna {
namespace {

constexpr double kMaxTheta = 1e15;
constexpr double kMaxFactor = 1e9;
constexpr double kMaxOriginal = 1e12;

// Every key of a rope dictionary matters by its nature, so one outside this list is an error. The last row is read by
// nobody here: remarks of old YaRN files, and splits between image axes, which agree for text.
constexpr const char* kKnownKeys[] = {"rope_type",
                                      "type",
                                      "rope_theta",
                                      "factor",
                                      "original_max_position_embeddings",
                                      "low_freq_factor",
                                      "high_freq_factor",
                                      "beta_fast",
                                      "beta_slow",
                                      "attention_factor",
                                      "mscale",
                                      "mscale_all_dim",
                                      "truncate",
                                      "partial_rotary_factor",
                                      "finetuned",
                                      "mrope_section",
                                      "mrope_interleaved"};
constexpr const char* kLongRopeKeys[] = {"short_factor", "long_factor"};

struct RopeTypeRow {
  const char* name;
  RopeType type;
};
constexpr RopeTypeRow kRopeTypes[] = {{"default", RopeType::kDefault},
                                      {"linear", RopeType::kLinear},
                                      {"llama3", RopeType::kLlama3},
                                      {"yarn", RopeType::kYarn},
                                      {"longrope", RopeType::kLongRope}};

Result<RopeType> ParseType(const JsonReader& dict, RopeRule rule) {
  const char* key = dict.Has("rope_type") ? "rope_type" : "type";
  LACUNA_ASSIGN_OR_RETURN(const std::string name, dict.StringOr(key, "default"));
  if (rule == RopeRule::kLongRope) {
    if (name == "longrope" || name == "su" || name == "yarn") return RopeType::kLongRope;
    if (name != "default") return dict.WrongValue(key, "supported are default and longrope");
  }
  for (const RopeTypeRow& row : kRopeTypes)
    if (name == row.name) return row.type;
  return dict.WrongValue(key, "supported are default, linear, llama3, yarn and longrope");
}

// Null or 0 means the default, as Python's `or` has it.
Result<double> TruthyNumber(const JsonReader& dict, const char* key, double otherwise, double max) {
  LACUNA_ASSIGN_OR_RETURN(const std::optional<double> value, dict.OptionalNumber(key, 0, max));
  return value && *value != 0 ? *value : otherwise;
}

Status ParseYarn(const JsonReader& dict, double max_positions, RopeConfig* rope) {
  if (!dict.Has("factor")) return dict.Error("factor", "is missing; rope type yarn needs it");
  LACUNA_ASSIGN_OR_RETURN(const std::optional<double> factor, dict.OptionalNumber("factor", 1e-6, kMaxFactor));
  rope->factor = factor ? *factor : max_positions / rope->original_max_position_embeddings;
  LACUNA_ASSIGN_OR_RETURN(rope->beta_fast, TruthyNumber(dict, "beta_fast", 32, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope->beta_slow, TruthyNumber(dict, "beta_slow", 1, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope->attention_factor, dict.OptionalNumber("attention_factor", 0, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope->mscale, dict.OptionalNumber("mscale", 0, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope->mscale_all_dim, dict.OptionalNumber("mscale_all_dim", 0, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope->truncate, dict.BoolOr("truncate", true));
  if (rope->theta <= 1) return dict.Error("rope_theta", "must be above 1 for rope type yarn");
  return {};
}

// A factor for each pair of dimensions that turn.
Result<std::vector<double>> ParseFactors(const JsonReader& dict, const Json& keys, const char* key, int rotary_dim) {
  const std::string wanted =
      "it must be a list of " + std::to_string(rotary_dim / 2) + " numbers above 0, one for each pair of dimensions";
  const auto found = keys.find(key);
  if (found == keys.end()) return dict.Error(key, "is missing; " + wanted);
  std::vector<double> factors;
  bool good = found->is_array() && found->size() == static_cast<size_t>(rotary_dim / 2);
  for (size_t i = 0; good && i < found->size(); ++i) {
    good = (*found)[i].is_number() && (*found)[i].get<double>() >= 1e-6 && (*found)[i].get<double>() <= kMaxFactor;
    if (good) factors.push_back((*found)[i].get<double>());
  }
  if (!good) return dict.WrongValue(key, wanted);
  return factors;
}

Status ParseLongRope(const JsonReader& dict, const Json& keys, const ModelConfig& config, RopeConfig* rope) {
  const double original = rope->original_max_position_embeddings;
  if (original < 2) return dict.Error("original_max_position_embeddings", "comes out below 2; longrope needs more");
  LACUNA_ASSIGN_OR_RETURN(const std::optional<double> factor, dict.OptionalNumber("factor", 1e-6, kMaxFactor));
  rope->factor = factor ? *factor : static_cast<double>(config.max_position_embeddings) / original;
  LACUNA_ASSIGN_OR_RETURN(rope->attention_factor, dict.OptionalNumber("attention_factor", 0, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope->short_factor, ParseFactors(dict, keys, "short_factor", config.rotary_dim));
  LACUNA_ASSIGN_OR_RETURN(rope->long_factor, ParseFactors(dict, keys, "long_factor", config.rotary_dim));
  return {};
}

// How many dimensions of a head turn. `dict`, which may be null, goes before the top level.
Status ParsePartial(const JsonReader& top, const JsonReader* dict, ModelConfig* config) {
  const JsonReader& reader = dict && dict->Has("partial_rotary_factor") ? *dict : top;
  LACUNA_ASSIGN_OR_RETURN(const std::optional<double> partial, reader.OptionalNumber("partial_rotary_factor", 0, 1));
  if (!partial || *partial == 1) return {};
  if (!config->family->Reads("partial_rotary_factor"))
    return reader.WrongValue("partial_rotary_factor", "this changes the result and is not supported: it must be 1");
  config->rotary_dim = static_cast<int>(config->head_dim * *partial);
  if (config->rotary_dim < 2 || config->rotary_dim % 2 != 0)
    return reader.WrongValue("partial_rotary_factor", "of head_dim " + std::to_string(config->head_dim) + " it makes " +
                                                          std::to_string(config->rotary_dim) +
                                                          " dimensions that turn; these must be even, from 2 on");
  return {};
}

// One flat dictionary. `original` is the top level's original_max_position_embeddings if that counts here.
Result<RopeConfig> ParseDict(const JsonReader& dict, const Json& keys, double top_theta, std::optional<double> original,
                             const ModelConfig& config) {
  RopeConfig rope;
  LACUNA_ASSIGN_OR_RETURN(rope.type, ParseType(dict, config.family->rope_rule));
  for (const auto& [key, value] : keys.items()) {
    const auto in = [&key = key](const auto& list) {
      return std::find(std::begin(list), std::end(list), key) != std::end(list);
    };
    if (!in(kKnownKeys) && !(rope.type == RopeType::kLongRope && in(kLongRopeKeys)))
      return dict.WrongValue(key, "this rotary setting is not known");
  }
  const double max_positions = static_cast<double>(config.max_position_embeddings);
  LACUNA_ASSIGN_OR_RETURN(rope.theta, dict.NumberOr("rope_theta", top_theta, 1, kMaxTheta));
  if (rope.type == RopeType::kDefault) return rope;

  if (rope.type == RopeType::kLinear || rope.type == RopeType::kLlama3) {
    LACUNA_ASSIGN_OR_RETURN(rope.factor, dict.Number("factor", 1e-6, kMaxFactor));
    if (rope.type == RopeType::kLinear) return rope;
  }
  if (original) {
    rope.original_max_position_embeddings = *original;
  } else {
    LACUNA_ASSIGN_OR_RETURN(rope.original_max_position_embeddings,
                            dict.NumberOr("original_max_position_embeddings", max_positions, 1, kMaxOriginal));
  }
  if (rope.type == RopeType::kYarn) {
    LACUNA_RETURN_IF_ERROR(ParseYarn(dict, max_positions, &rope));
    return rope;
  }
  if (rope.type == RopeType::kLongRope) {
    LACUNA_RETURN_IF_ERROR(ParseLongRope(dict, keys, config, &rope));
    return rope;
  }
  LACUNA_ASSIGN_OR_RETURN(rope.low_freq_factor, dict.Number("low_freq_factor", 1e-6, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope.high_freq_factor, dict.Number("high_freq_factor", 1e-6, kMaxFactor));
  if (rope.high_freq_factor <= rope.low_freq_factor)
    return dict.WrongValue("high_freq_factor", "it must be above low_freq_factor");
  return rope;
}

// Gives layer i this rope, unless it has none at all. Equal ropes are one.
void SetRope(const RopeConfig& rope, size_t i, ModelConfig* config) {
  const auto known = std::find(config->ropes.begin(), config->ropes.end(), rope);
  if (config->layers[i].rope >= 0) config->layers[i].rope = static_cast<int>(known - config->ropes.begin());
  if (known == config->ropes.end()) config->ropes.push_back(rope);
}

bool IsLayerType(const std::string& key) { return key == kFullAttention || key == kSlidingAttention; }

// The dictionary that counts: null if there is none.
Result<const char*> ChooseDict(const JsonReader& reader) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Json* dict = reader.Find(key);
    if (!dict || dict->is_null()) continue;
    if (!dict->is_object()) return reader.WrongValue(key, "it must be an object or null");
    if (!dict->empty()) return key;
  }
  return nullptr;
}

Status OnlyLayerTypes(const JsonReader& dict, const Json& keys, const std::string& else_message) {
  for (const auto& [key, value] : keys.items())
    if (!IsLayerType(key)) return dict.WrongValue(key, else_message);
  return {};
}

// RopeRule::kByLayerType.
Status ParseByLayerType(const JsonReader& reader, const char* chosen, const std::vector<std::string>& layer_types,
                        ModelConfig* config) {
  const Family& family = *config->family;
  const std::string name = family.model_type;
  RopeConfig full, sliding;
  LACUNA_ASSIGN_OR_RETURN(full.theta, reader.NumberOr("rope_theta", family.rope_theta, 1, kMaxTheta));
  sliding.theta = family.local_rope_theta;
  const bool local = family.Reads("rope_local_base_freq");
  if (local) {
    LACUNA_ASSIGN_OR_RETURN(sliding.theta,
                            reader.NumberOr("rope_local_base_freq", family.local_rope_theta, 1, kMaxTheta));
  }
  bool local_said = local;
  if (chosen) {
    LACUNA_ASSIGN_OR_RETURN(const std::optional<JsonReader> dict, reader.OptionalObject(chosen));
    const Json& keys = *reader.Find(chosen);
    if (std::string_view(chosen) == "rope_scaling") {
      if (const Json* other = reader.Find("rope_parameters"); other && !other->empty())
        return reader.Error("rope_scaling", "stands beside `rope_parameters`; " + name + " models take one of them");
      if (dict->Has("type") && !dict->Has("rope_type"))
        return dict->WrongValue("type", name + " models read `rope_type`");
      LACUNA_ASSIGN_OR_RETURN(full, ParseDict(*dict, keys, full.theta, std::nullopt, *config));
    } else {
      LACUNA_RETURN_IF_ERROR(OnlyLayerTypes(*dict, keys,
                                            "the rotary settings of " + name + " models are by layer type: " +
                                                kFullAttention + " and " + kSlidingAttention));
      for (RopeConfig* rope : {&full, &sliding}) {
        const char* type = rope == &full ? kFullAttention : kSlidingAttention;
        LACUNA_ASSIGN_OR_RETURN(const std::optional<JsonReader> inner, dict->OptionalObject(type));
        if (!inner) continue;
        local_said = local_said || (rope == &sliding && inner->Has("rope_theta"));
        LACUNA_RETURN_IF_ERROR(ParsePartial(reader, &*inner, config));
        LACUNA_ASSIGN_OR_RETURN(*rope, ParseDict(*inner, keys.at(type), rope->theta, std::nullopt, *config));
      }
    }
  }
  // Versions of transformers differ: 4 gave sliding layers this theta too, 5 gives them the default.
  const bool slides = std::find(layer_types.begin(), layer_types.end(), kSlidingAttention) != layer_types.end();
  if (slides && !local_said && reader.Has("rope_theta") && full.theta != sliding.theta)
    return reader.WrongValue("rope_theta", "it does not say what sliding layers of " + name +
                                               " models have: set it in `rope_parameters`, for each layer type");
  for (size_t i = 0; i < config->layers.size(); ++i)
    SetRope(layer_types[i] == kSlidingAttention ? sliding : full, i, config);
  return {};
}

}  // namespace

Status ParseRope(const JsonReader& reader, const std::vector<std::string>& layer_types, ModelConfig* config) {
  const Family& family = *config->family;
  config->rotary_dim = config->head_dim;
  LACUNA_ASSIGN_OR_RETURN(const char* chosen, ChooseDict(reader));
  if (family.rope_rule == RopeRule::kByLayerType) return ParseByLayerType(reader, chosen, layer_types, config);
  LACUNA_ASSIGN_OR_RETURN(const double theta, reader.NumberOr("rope_theta", family.rope_theta, 1, kMaxTheta));
  if (!chosen) {
    config->ropes.push_back({.theta = theta});
    return ParsePartial(reader, nullptr, config);
  }
  LACUNA_ASSIGN_OR_RETURN(const std::optional<JsonReader> dict, reader.OptionalObject(chosen));
  const Json& keys = *reader.Find(chosen);

  const bool nested = keys.contains(kFullAttention) || keys.contains(kSlidingAttention);
  if (!nested || family.rope_rule == RopeRule::kLongRope) {
    LACUNA_ASSIGN_OR_RETURN(std::optional<double> original,
                            reader.OptionalNumber("original_max_position_embeddings", 1, kMaxOriginal));
    if (!original && family.original_max_position_embeddings > 0)
      original = static_cast<double>(family.original_max_position_embeddings);
    LACUNA_RETURN_IF_ERROR(ParsePartial(reader, &*dict, config));
    LACUNA_ASSIGN_OR_RETURN(const RopeConfig rope, ParseDict(*dict, keys, theta, original, *config));
    config->ropes.push_back(rope);
    return {};
  }

  LACUNA_RETURN_IF_ERROR(OnlyLayerTypes(
      *dict, keys,
      std::string("beside settings by layer type there can be only ") + kFullAttention + " and " + kSlidingAttention));
  for (size_t i = 0; i < config->layers.size(); ++i) {
    const std::string& type = layer_types[i];
    LACUNA_ASSIGN_OR_RETURN(const std::optional<JsonReader> inner, dict->OptionalObject(type));
    if (!inner) return dict->Error(type, "is missing, but layer " + std::to_string(i) + " is of this type");
    LACUNA_RETURN_IF_ERROR(ParsePartial(reader, &*inner, config));
    LACUNA_ASSIGN_OR_RETURN(const RopeConfig rope, ParseDict(*inner, keys.at(type), theta, std::nullopt, *config));
    SetRope(rope, i, config);
  }
  return {};
}

}  // namespace lacuna
