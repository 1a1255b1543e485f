// A packed model as a directory that other programs read: compressed-tensors, which transformers and vLLM load, with
// the same integers and scales (weights/export_tensors.h).
#pragma once

#include <functional>
#include <string>

#include "lacuna/status.h"

namespace lacuna {

struct ExportModelOptions {
  int threads = 0;  // 0: what suits the machine
  std::function<void(double fraction)> progress;
  std::function<bool()> cancelled;  // asked between tensors
};

// Writes config.json with its quantization_config, model.safetensors and the small files of the packed directory
// `source` into `output`, an empty folder. A model whose weights are all dense has no quantization_config.
// kInvalidInput names what other programs could not read. kCancelled when asked to stop.
Status ExportModel(const std::string& source, const std::string& output, const ExportModelOptions& options);

}  // namespace lacuna
