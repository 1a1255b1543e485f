// What config.json's quantization_config says about packed weights:
//   {"quant_method": "lacuna", "layout_version": 1, "contract_version": 1,
//    "codec": "bitmap-int4", "group": 128, "scales": "f16", "activations": "int8", "activation_group": 128,
//    "pattern": [2, 4],                                        only of N:M bitmaps
//    "parameters": {"lm_head.weight": {"codec": "int8"}}}      other codecs, by name; a field left out has its codec's
//    default
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "io/json.h"
#include "lacuna/status.h"
#include "weights/codec.h"

namespace lacuna {

// Of the streams in files (kernels/README.md). Files of another version are refused.
inline constexpr int kPackedLayoutVersion = 1;

struct QuantizationConfig {
  Codec codec;
  std::map<std::string, Codec, std::less<>> parameters;

  const Codec& Of(std::string_view parameter) const {
    const auto it = parameters.find(parameter);
    return it == parameters.end() ? codec : it->second;
  }
};

nlohmann::ordered_json ToJson(const QuantizationConfig& config);
// `object` is the value of quantization_config in `file`. A field that is not known is an error: it may change results.
Result<QuantizationConfig> ParseQuantization(const std::string& file, const Json& object);

}  // namespace lacuna
