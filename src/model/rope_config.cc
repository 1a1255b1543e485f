// Rotary settings, in the order of precedence of transformers 5 (modeling_rope_utils.py, RotaryEmbeddingConfigMixin):
//   - `rope_scaling`, unless null or empty, replaces `rope_parameters` as a whole;
//   - `rope_theta` inside the dictionary goes before the one at the top, which goes before 10000;
//   - `rope_type` goes before `type`; neither means default;
//   - `original_max_position_embeddings` at the top goes before the one inside, which goes before
//     max_position_embeddings; in dictionaries nested by layer type the one at the top does not count.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "model/config_rules.h"

namespace lacuna {
namespace {

constexpr double kMaxTheta = 1e15;
constexpr double kMaxFactor = 1e9;
constexpr double kMaxPositions = 1e12;

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

struct RopeTypeRow {
  const char* name;
  RopeType type;
};
constexpr RopeTypeRow kRopeTypes[] = {{"default", RopeType::kDefault},
                                      {"linear", RopeType::kLinear},
                                      {"llama3", RopeType::kLlama3},
                                      {"yarn", RopeType::kYarn}};

Result<RopeType> ParseType(const JsonReader& dict) {
  const char* key = dict.Has("rope_type") ? "rope_type" : "type";
  LACUNA_ASSIGN_OR_RETURN(const std::string name, dict.StringOr(key, "default"));
  for (const RopeTypeRow& row : kRopeTypes)
    if (name == row.name) return row.type;
  return dict.WrongValue(key, "supported are default, linear, llama3 and yarn");
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

// One flat dictionary. `original` is the top level's original_max_position_embeddings if that counts here.
Result<RopeConfig> ParseDict(const JsonReader& dict, const Json& keys, double top_theta, std::optional<double> original,
                             int64_t max_positions) {
  for (const auto& [key, value] : keys.items())
    if (std::find(std::begin(kKnownKeys), std::end(kKnownKeys), key) == std::end(kKnownKeys))
      return dict.WrongValue(key, "this rotary setting is not known");
  RopeConfig rope;
  LACUNA_ASSIGN_OR_RETURN(rope.type, ParseType(dict));
  LACUNA_ASSIGN_OR_RETURN(rope.theta, dict.NumberOr("rope_theta", top_theta, 1, kMaxTheta));
  LACUNA_ASSIGN_OR_RETURN(const std::optional<double> partial, dict.OptionalNumber("partial_rotary_factor", 0, 1));
  if (partial && *partial != 1)
    return dict.WrongValue("partial_rotary_factor", "this changes the result and is not supported: it must be 1");
  if (rope.type == RopeType::kDefault) return rope;

  if (rope.type == RopeType::kLinear || rope.type == RopeType::kLlama3) {
    LACUNA_ASSIGN_OR_RETURN(rope.factor, dict.Number("factor", 1e-6, kMaxFactor));
    if (rope.type == RopeType::kLinear) return rope;
  }
  if (original) {
    rope.original_max_position_embeddings = *original;
  } else {
    LACUNA_ASSIGN_OR_RETURN(
        rope.original_max_position_embeddings,
        dict.NumberOr("original_max_position_embeddings", static_cast<double>(max_positions), 1, kMaxPositions));
  }
  if (rope.type == RopeType::kYarn) {
    LACUNA_RETURN_IF_ERROR(ParseYarn(dict, static_cast<double>(max_positions), &rope));
    return rope;
  }
  LACUNA_ASSIGN_OR_RETURN(rope.low_freq_factor, dict.Number("low_freq_factor", 1e-6, kMaxFactor));
  LACUNA_ASSIGN_OR_RETURN(rope.high_freq_factor, dict.Number("high_freq_factor", 1e-6, kMaxFactor));
  if (rope.high_freq_factor <= rope.low_freq_factor)
    return dict.WrongValue("high_freq_factor", "it must be above low_freq_factor");
  return rope;
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

}  // namespace

Status ParseRope(const JsonReader& reader, const std::vector<std::string>& layer_types, ModelConfig* config) {
  LACUNA_ASSIGN_OR_RETURN(const double theta, reader.NumberOr("rope_theta", 10000, 1, kMaxTheta));
  LACUNA_ASSIGN_OR_RETURN(const char* chosen, ChooseDict(reader));
  if (!chosen) {
    config->ropes.push_back({.theta = theta});
    return {};
  }
  LACUNA_ASSIGN_OR_RETURN(const std::optional<JsonReader> dict, reader.OptionalObject(chosen));
  const Json& keys = *reader.Find(chosen);
  const int64_t max_positions = config->max_position_embeddings;

  const bool nested = keys.contains(kFullAttention) || keys.contains(kSlidingAttention);
  if (!nested) {
    LACUNA_ASSIGN_OR_RETURN(const std::optional<double> original,
                            reader.OptionalNumber("original_max_position_embeddings", 1, kMaxPositions));
    LACUNA_ASSIGN_OR_RETURN(const RopeConfig rope, ParseDict(*dict, keys, theta, original, max_positions));
    config->ropes.push_back(rope);
    return {};
  }

  for (const auto& [key, value] : keys.items())
    if (!IsLayerType(key))
      return dict->WrongValue(key, std::string("beside settings by layer type there can be only ") + kFullAttention +
                                       " and " + kSlidingAttention);
  for (size_t i = 0; i < config->layers.size(); ++i) {
    const std::string& type = layer_types[i];
    LACUNA_ASSIGN_OR_RETURN(const std::optional<JsonReader> inner, dict->OptionalObject(type));
    if (!inner)
      return dict->Error(type, "is missing, but layer " + std::to_string(i) +
                                   " is of this type; layers without rotary embedding are not supported");
    LACUNA_ASSIGN_OR_RETURN(const RopeConfig rope,
                            ParseDict(*inner, keys.at(type), theta, std::nullopt, max_positions));
    const auto known = std::find(config->ropes.begin(), config->ropes.end(), rope);
    config->layers[i].rope = static_cast<int>(known - config->ropes.begin());
    if (known == config->ropes.end()) config->ropes.push_back(rope);
  }
  return {};
}

}  // namespace lacuna
