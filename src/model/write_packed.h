// Writes a packed model's folder: config.json with what its weights are, the source's tokenizer and other small files,
// and model.safetensors, whose matrices come from whoever made them (model/pack_model.h, compress/compress_model.cc).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "model/config.h"
#include "model/tensor_list.h"
#include "weights/packed_weight.h"
#include "weights/quantization_config.h"

namespace lacuna {

struct PackedModelArgs {
  const std::string& source;  // the model
  const std::string& output;  // an empty folder
  const ModelConfig& config;  // of the source
  const ModelFiles& files;    // likewise
  const std::vector<ModelTensor>& tensors;
  const QuantizationConfig& quantization;
  std::function<void(double fraction)> progress;
  std::function<bool()> cancelled;  // asked between tensors
};

// Tokenizer, chat template and what else belongs to a model besides config.json and its tensors.
Status CopySmallFiles(const std::string& source, const std::string& output);

// `append` writes the streams of one matrix; called for each in the order of `tensors`.
using AppendMatrix =
    FunctionRef<Status(const ModelTensor& entry, const SourceMatrix& matrix, SafetensorsWriter* writer)>;

// kCancelled when asked to stop.
Status WritePackedModel(const PackedModelArgs& args, AppendMatrix append);

}  // namespace lacuna
