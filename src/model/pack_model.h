// Packs a model, a directory or a GGUF file: its matrices in the codecs asked for (weights/pack.h), the rest as it is.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lacuna/status.h"
#include "model/tensor_list.h"
#include "weights/quantization_config.h"

namespace lacuna {

// A codec for the parameters that `name` is a part of, in whole words between dots: "lm_head", "down_proj", "layers.0".
// In a tied model lm_head is the embedding.
using CodecRule = std::pair<std::string, Codec>;

// The codec of each matrix; a later rule wins over an earlier one. A rule that fits nothing is kInvalidInput.
Result<QuantizationConfig> ChooseCodecs(const std::vector<ModelTensor>& tensors, const Codec& codec,
                                        const std::vector<CodecRule>& rules);

struct PackModelOptions {
  Codec codec;
  bool as_stored = false;  // instead of `codec`, of GGUF files: each matrix in the codec that loading the file gives it
  std::vector<CodecRule> keep;
  int threads = 0;  // 0: what suits the machine
  std::function<void(double fraction)> progress;
  std::function<bool()> cancelled;  // asked between tensors
};

// Writes config.json, model.safetensors and the source's tokenizer and other small files into `output`, an empty
// folder. kCancelled when asked to stop.
Status PackModel(const std::string& source, const std::string& output, const PackModelOptions& options);

}  // namespace lacuna
