// Which layers slide and which have no rotary embedding, by the family's rules.
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "model/config_rules.h"

namespace lacuna {
namespace {

// Only these take a window for granted with `use_sliding_window`.
bool AsksForUse(WindowRule rule) { return rule == WindowRule::kQwen || rule == WindowRule::kNoRope; }

// The window that sliding layers have: nullopt if no layer slides.
Result<std::optional<int64_t>> ParseWindow(const JsonReader& reader, const Family& family) {
  if (AsksForUse(family.window_rule) || family.window_rule == WindowRule::kNone) {
    // Families without windows refuse one that was meant to be used: transformers itself treats it in two ways there.
    const bool used_by_default = family.window_rule == WindowRule::kNone;
    LACUNA_ASSIGN_OR_RETURN(const bool used, reader.BoolOr("use_sliding_window", used_by_default));
    if (!used) return std::optional<int64_t>();
    if (family.window_rule == WindowRule::kNone && reader.HasValue("sliding_window"))
      return reader.WrongValue("sliding_window", std::string(family.model_type) +
                                                     " models have no sliding window: it must be absent or null");
  }
  if (!reader.Has("sliding_window"))
    return family.sliding_window > 0 ? std::optional<int64_t>(family.sliding_window) : std::nullopt;
  return reader.OptionalInt("sliding_window", 1, kMaxPositions);
}

// Layers whose rope is -1: entries 0 of `no_rope_layers`, else every `no_rope_layer_interval`-th.
Status ParseNoRope(const JsonReader& reader, ModelConfig* config) {
  const size_t layers = config->layers.size();
  if (!reader.HasValue("no_rope_layers")) {
    LACUNA_ASSIGN_OR_RETURN(const int64_t interval, reader.IntOr("no_rope_layer_interval", 4, 1, kMaxPositions));
    for (size_t i = 0; i < layers; ++i)
      if (static_cast<int64_t>(i + 1) % interval == 0) config->layers[i].rope = -1;
    return {};
  }
  const Json& list = *reader.Find("no_rope_layers");
  if (!list.is_array()) return reader.WrongValue("no_rope_layers", "it must be a list");
  if (list.size() < layers)
    return reader.Error("no_rope_layers", "has " + std::to_string(list.size()) +
                                              " entries; it must have one for each of " + std::to_string(layers) +
                                              " layers (num_hidden_layers)");
  for (size_t i = 0; i < layers; ++i) {
    if (list[i] != 0 && list[i] != 1)
      return reader.Error("no_rope_layers", "has " + JsonExcerpt(list[i]) + " for layer " + std::to_string(i) +
                                                "; it must be 1 (rotary embedding) or 0 (none)");
    if (list[i] == 0) config->layers[i].rope = -1;
  }
  return {};
}

// Whether layer i slides where `layer_types` does not say: a function of the family's rule.
struct Pattern {
  WindowRule rule;
  int64_t first = 0;  // kQwen
  int64_t every = 0;  // kPattern

  bool Slides(const LayerConfig& layer, size_t i) const {
    if (rule == WindowRule::kNoRope) return layer.rope < 0;
    if (rule == WindowRule::kPattern) return static_cast<int64_t>(i + 1) % every != 0;
    return static_cast<int64_t>(i) >= first;
  }
};

Result<Pattern> ParsePattern(const JsonReader& reader, const Family& family) {
  Pattern pattern{.rule = family.window_rule, .every = family.window_pattern};
  if (family.window_rule == WindowRule::kQwen) {
    LACUNA_ASSIGN_OR_RETURN(pattern.first,
                            reader.IntOr("max_window_layers", family.max_window_layers, 0, kMaxPositions));
  }
  if (family.Reads("sliding_window_pattern")) {
    LACUNA_ASSIGN_OR_RETURN(pattern.every,
                            reader.IntOr("sliding_window_pattern", family.window_pattern, 1, kMaxPositions));
  }
  return pattern;
}

}  // namespace

Status ParseLayers(const JsonReader& reader, ModelConfig* config, std::vector<std::string>* types) {
  const Family& family = *config->family;
  LACUNA_ASSIGN_OR_RETURN(const std::optional<int64_t> window, ParseWindow(reader, family));
  LACUNA_ASSIGN_OR_RETURN(const auto listed, reader.OptionalStrings("layer_types"));
  const size_t layers = static_cast<size_t>(config->num_layers);
  if (listed && listed->size() != layers)
    return reader.Error("layer_types", "has " + std::to_string(listed->size()) +
                                           " entries; it must have one for each of " + std::to_string(layers) +
                                           " layers (num_hidden_layers)");
  if (family.window_rule == WindowRule::kPattern && !window)
    return reader.WrongValue("sliding_window", std::string(family.model_type) + " models need a window");
  LACUNA_ASSIGN_OR_RETURN(const Pattern pattern, ParsePattern(reader, family));
  config->layers.resize(layers);
  if (family.Reads("no_rope_layers")) LACUNA_RETURN_IF_ERROR(ParseNoRope(reader, config));
  for (size_t i = 0; i < layers; ++i) {
    const bool slides = window && pattern.Slides(config->layers[i], i);
    std::string type = slides ? kSlidingAttention : kFullAttention;
    if (listed) type = (*listed)[i] == "attention" ? kFullAttention : (*listed)[i];  // the older name
    const std::string entry = "has " + JsonQuote(type).substr(0, 80) + " for layer " + std::to_string(i);
    if (type != kFullAttention && type != kSlidingAttention)
      return reader.Error("layer_types", entry + "; supported are full_attention and sliding_attention");
    if (family.window_rule == WindowRule::kEvery && (type == kSlidingAttention) != slides)
      return reader.Error("layer_types", entry + ", but in " + family.model_type +
                                             " models every layer slides with `sliding_window` and none without");
    if (type == kSlidingAttention && !window)
      return reader.Error("layer_types", entry + ", but no window is set: that takes `sliding_window`" +
                                             (AsksForUse(family.window_rule) ? " and `use_sliding_window`" : ""));
    config->layers[i].window = type == kSlidingAttention ? *window : 0;
    types->push_back(std::move(type));
  }
  return {};
}

}  // namespace lacuna
