// The token sequences that compression looks at.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

struct CalibrationPlan {
  int64_t sequences = 128;  // at most
  int64_t length = 2048;    // of each
  int64_t widest = 0;       // inputs of the widest layer: so many tokens are needed at least
};

// Pieces of `ids` (a text without special tokens) side by side, spread evenly over it where it has more than are
// wanted; one short piece if it has not even one. The first token of each becomes `begin`, if there is one.
// kInvalidInput when there are not enough tokens.
Result<std::vector<std::vector<int32_t>>> CalibrationSequences(std::span<const int32_t> ids,
                                                               std::optional<int32_t> begin,
                                                               const CalibrationPlan& plan);

}  // namespace lacuna
