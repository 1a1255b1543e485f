// Rotary position embedding: the frequencies of one RopeConfig.
//   angle(position, i) = position * inv_freq[i], in float32;   i = 0 .. head_dim / 2 - 1
//   cos and sin of it are multiplied by `scale`; dimension i turns with dimension i + head_dim / 2.
// Computed as transformers 5 does (modeling_rope_utils.py), in float32 where it does, with our own pow and log, so that
// every machine has the same bits. Papers: RoFormer (2104.09864), linear: 2306.15595, YaRN: 2309.00071.
#pragma once

#include <vector>

#include "model/config.h"

namespace lacuna {

struct RopeTable {
  std::vector<float> inv_freq;  // [head_dim / 2]
  float scale = 1;              // on cos and sin; yarn only
};

RopeTable MakeRopeTable(const RopeConfig& rope, int head_dim);

}  // namespace lacuna
