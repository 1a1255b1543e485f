// The linear sets of a layer in the order in which they are fed, with the names of their matrices.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "compress/layer_runner.h"
#include "model/config.h"
#include "model/model_weights.h"

namespace lacuna {

struct LayerSet {
  LayerStep step;
  const char* input;  // its name in messages
  LinearSet LayerWeights::*set;
  std::vector<std::string> matrices;
};

std::array<LayerSet, 4> LayerSets(const ModelConfig& config, int layer);

// "layer-0003", "measured-0003": parts of a work folder.
std::string LayerPart(const std::string& kind, int layer);

}  // namespace lacuna
