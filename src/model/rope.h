// Rotary position embedding: the frequencies of one RopeConfig.
//   angle(position, i) = position * inv_freq[i], in float32;   i = 0 .. rotary_dim / 2 - 1
//   cos and sin of it are multiplied by `scale`; dimension i turns with dimension i + rotary_dim / 2, and dimensions
//   from rotary_dim on stay as they are.
// Computed as transformers 5 does (modeling_rope_utils.py), in float32 where it does, with our own pow and log, so that
// every machine has the same bits. Papers: RoFormer (2104.09864), linear: 2306.15595, YaRN: 2309.00071,
// LongRoPE: 2402.13753.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"

namespace lacuna {

struct RopeTable {
  std::vector<float> inv_freq;  // [rotary_dim / 2]
  float scale = 1;              // on cos and sin; yarn and longrope only
  // LongRoPE has other frequencies for long texts. Which are used is a session's choice, once, by its context length:
  // K is stored turned, so a text that grows past the limit cannot change them.
  std::vector<float> long_inv_freq;
  double long_above = 0;

  const std::vector<float>& Frequencies(int64_t context) const {
    return !long_inv_freq.empty() && static_cast<double>(context) > long_above ? long_inv_freq : inv_freq;
  }
};

RopeTable MakeRopeTable(const RopeConfig& rope, int rotary_dim);

}  // namespace lacuna
