// Packed weights from files nobody vouches for: after this, no kernel reads outside the streams.
#pragma once

#include <string>

#include "weights/packed_weight.h"

namespace lacuna {

// The streams' sizes, then their contents: offsets against the masks of every tile, scales finite, the permutation.
// Binds the weight. kInvalidInput starts with `where` and names the stream. On the caller's oneTBB arena.
Status ValidatePacked(const std::string& where, PackedWeight* weight);

}  // namespace lacuna
