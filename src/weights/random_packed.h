// Packed weights at random: for models that time an engine, benchmarks and tests. The same arguments give the same
// bytes.
#pragma once

#include <cstdint>
#include <string>

#include "weights/packed_weight.h"

namespace lacuna {

struct RandomSpec {
  double density = 1;  // share of stored weights, in a bitmap without a pattern
  // Density falls from 1.5 to 0.5 times that (at most 1) with the channel, and again with K: threads and tiles then
  // have unequal work.
  bool skew = false;
  double gain = 1;  // spread of an output whose inputs have spread 1, roughly
  uint64_t seed = 0;
};

// Every byte value, code and zero point occurs; scales vary by a factor of 1.7. On the caller's oneTBB arena.
Result<PackedWeight> RandomPacked(const std::string& name, int64_t n, int64_t k, const Codec& codec,
                                  const RandomSpec& spec);

}  // namespace lacuna
