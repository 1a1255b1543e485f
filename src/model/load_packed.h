// From packed weights in mapped files to weights that kernels may read: copied or left where they are, and validated.
#pragma once

#include <string>
#include <vector>

#include "io/file.h"
#include "lacuna/model.h"
#include "weights/packed_weight.h"

namespace lacuna {

inline bool IsCancelled(const ModelOptions& options) {
  return options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed);
}

struct PackedParameter {
  std::string where;     // starts messages
  PackedWeight* weight;  // its streams in `file`
  const MappedFile* file;
};

// Copies all streams into `memory` if the options say so, then validates every weight, on `threads` threads.
Status LoadPacked(const std::vector<PackedParameter>& parameters, const ModelOptions& options, int threads,
                  AlignedBuffer* memory);

}  // namespace lacuna
