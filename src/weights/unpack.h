// A packed weight as rows of stored values: weights/build_packed.h the other way round.
#pragma once

#include <cstdint>
#include <vector>

#include "weights/packed_weight.h"

namespace lacuna {

// Row-major, columns in the order of the input (in_perm is undone), without padding.
struct UnpackedWeight {
  Codec codec;
  int64_t n = 0, k = 0;
  int64_t groups = 0;            // 0 without scales
  std::vector<uint16_t> values;  // [n][k]: bf16 bits, a biased byte, a code; of a gap what stands for 0
  std::vector<float> scales;  // [n][groups], of groups as stored: where columns are permuted only whole rows make sense
  std::vector<uint8_t> zeros;  // likewise, z; empty without zero points
};

// The weight is valid (weights/validate_packed.h). On the threads of the caller's oneTBB arena.
UnpackedWeight UnpackRows(const PackedWeight& weight);

}  // namespace lacuna
