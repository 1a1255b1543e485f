// The parts of config parsing that have rules of their own. Internal to model/.
#pragma once

#include <string>
#include <vector>

#include "io/json.h"
#include "lacuna/status.h"
#include "model/config.h"

namespace lacuna {

// foreign_settings.cc: settings of other architectures that would change the result; an error names the first one
// that is not at a value without effect.
Status RejectForeignSettings(const JsonReader& config, const Family& family);

// layer_config.cc: fills config->layers, and `layer_types` with each layer's type.
Status ParseLayers(const JsonReader& reader, ModelConfig* config, std::vector<std::string>* layer_types);

// rope_config.cc: fills config->ropes, rotary_dim and each layer's index. `layer_types` has each layer's type.
Status ParseRope(const JsonReader& reader, const std::vector<std::string>& layer_types, ModelConfig* config);

inline constexpr int64_t kMaxPositions = int64_t{1} << 40;
inline constexpr char kFullAttention[] = "full_attention";
inline constexpr char kSlidingAttention[] = "sliding_attention";

}  // namespace lacuna
