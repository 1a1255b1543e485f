// What `lacuna inspect` says about packed parameters, and about those of files that others quantized.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/model_files.h"
#include "lacuna/status.h"
#include "model/config.h"
#include "weights/packed_weight.h"

namespace lacuna::tools {

struct PackedRow {
  std::string name;
  int64_t n = 0, k = 0;
  std::string codec;  // "bitmap-int4 g128"
  int64_t bytes = 0;  // of all streams, with their padding
  int64_t stored = 0;
  std::optional<double> error;  // root of sum((packed - source)^2) / sum(source^2)

  double density() const { return static_cast<double>(stored) / (static_cast<double>(n) * static_cast<double>(k)); }
  double bits() const { return 8.0 * static_cast<double>(bytes) / (static_cast<double>(n) * static_cast<double>(k)); }
};

std::string CodecText(const Codec& codec);  // "bitmap-int4 g128"

// A matrix that the files hold quantized already: what it runs as, and how far that is from the file.
struct ImportedRow {
  std::string codec;
  int64_t zeros = 0;
  double loss = 0;  // root of sum((as it runs - file)^2) / sum(file^2)
};
ImportedRow InspectImported(const SourceMatrix& source);

// The model that a packed one was made from.
struct PackSource {
  ModelConfig config;
  ModelFiles files;
};
// Of every packed matrix, validated; with errors where `source` is not null.
Result<std::vector<PackedRow>> InspectPacked(const ModelConfig& config, const ModelFiles& files,
                                             const PackSource* source);

}  // namespace lacuna::tools
