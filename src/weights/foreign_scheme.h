// How other tools say that they quantized a model: quantization_config of config.json, for the methods whose weights
// are read as they are.
//
//   compressed-tensors   pack-quantized int4 and int8, int-quantized, mxfp4- and nvfp4-pack-quantized weights, dense
//   with
//                        zeros, and the older sparse-bitmask and sparse-24-bitmask
//                        (https://github.com/vllm-project/compressed-tensors)
//   gptq                 4 and 8 bits, act-order; zero points as `gptq` (less one) or `gptq_v2` stores them
//   awq                  4 bits in the `gemm` order
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "io/json.h"
#include "lacuna/status.h"

namespace lacuna {

struct ForeignScheme {
  enum class Method { kCompressedTensors, kGptq, kAwq };
  Method method = Method::kCompressedTensors;
  std::string name;             // for people: "gptq int4"
  int bits = 4;                 // of gptq and awq; the tensors of compressed-tensors say their own
  int group = 0;                // likewise; 0: whole rows
  bool zeros_less_one = false;  // of gptq
};

bool IsForeignMethod(const std::string& quant_method);

// `object`: quantization_config of `file`, whose quant_method is foreign. Whatever would change the result if it were
// passed over (transforms at run time, activations quantized by stored scales, a quantized cache) and every layout that
// is not read is kInvalidInput with its name.
Result<ForeignScheme> ParseForeignScheme(const std::string& file, const Json& object);

}  // namespace lacuna
