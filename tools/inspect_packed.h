// What `lacuna inspect` says about packed parameters.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "io/model_files.h"
#include "lacuna/status.h"
#include "model/config.h"

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

// Of every packed matrix, validated. `source`: the directory it was packed from, or null.
Result<std::vector<PackedRow>> InspectPacked(const ModelConfig& config, const ModelFiles& files,
                                             const ModelFiles* source);

}  // namespace lacuna::tools
