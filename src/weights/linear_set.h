// A LinearSet is what the decoder multiplies with: one input, several outputs (q, k, v; gate, up; or a single one).
#pragma once

#include <vector>

#include "weights/packed_weight.h"

namespace lacuna {

// One output of a set: y = x * weight^T + bias.
struct LinearMember {
  PackedWeight weight;      // [N][K]
  std::vector<float> bias;  // N values, or empty
};

inline constexpr std::size_t kMaxMembers = 16;

struct LinearSet {
  std::vector<LinearMember> members;  // all of one K

  int k() const { return members.front().weight.k; }
};

}  // namespace lacuna
