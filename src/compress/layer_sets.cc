#include "compress/layer_sets.h"

namespace lacuna {

std::array<LayerSet, 4> LayerSets(const ModelConfig& config, int layer) {
  const TensorNames& n = *config.family->names;
  return {{{LayerStep::kQkv,
            "q, k, v",
            &LayerWeights::qkv,
            {n.Layer(layer, n.q), n.Layer(layer, n.k), n.Layer(layer, n.v)}},
           {LayerStep::kO, "o", &LayerWeights::o, {n.Layer(layer, n.o)}},
           {LayerStep::kGateUp, "gate, up", &LayerWeights::gate_up, {n.Layer(layer, n.gate), n.Layer(layer, n.up)}},
           {LayerStep::kDown, "down", &LayerWeights::down, {n.Layer(layer, n.down)}}}};
}

std::string LayerPart(const std::string& kind, int layer) {
  const std::string number = std::to_string(layer);
  return kind + "-" + std::string(number.size() < 4 ? 4 - number.size() : 0, '0') + number;
}

}  // namespace lacuna
