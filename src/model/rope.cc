#include "model/rope.h"

#include <algorithm>
#include <cmath>

#include "kernels/ref/math.h"

namespace lacuna {
namespace {

constexpr double kTwoPi = 6.283185307179586476925286766559;

using kernels::RefLog;
using kernels::RefPow;

// theta^(2i / d): exponent and result rounded to float32, as PyTorch's float power has them (to one unit in the last
// place).
float Period(double theta, int i, int rotary_dim) {
  const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary_dim);
  return static_cast<float>(RefPow(static_cast<float>(theta), exponent));
}

// Long waves are stretched by `factor`, short ones kept, those between interpolated.
float Llama3(float inv_freq, const RopeConfig& rope) {
  const float original = static_cast<float>(rope.original_max_position_embeddings);
  const float longest = static_cast<float>(rope.original_max_position_embeddings / rope.low_freq_factor);
  const float shortest = static_cast<float>(rope.original_max_position_embeddings / rope.high_freq_factor);
  const float factor = static_cast<float>(rope.factor);
  const float wave = (1.0f / inv_freq) * static_cast<float>(kTwoPi);
  if (wave < shortest) return inv_freq;
  if (wave > longest) return inv_freq / factor;
  const float smooth = ((1.0f / wave) * original - static_cast<float>(rope.low_freq_factor)) /
                       static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
  return (1.0f - smooth) * inv_freq / factor + smooth * inv_freq;
}

// YaRN's ramp: dimensions below `low` keep their frequency, those above `high` are interpolated.
struct Ramp {
  float low, width;

  Ramp(const RopeConfig& rope, int rotary_dim) {
    // The dimension that turns `rotations` times within the original context.
    const auto dimension = [&](double rotations) {
      return rotary_dim * RefLog(rope.original_max_position_embeddings / (rotations * kTwoPi)) /
             (2 * RefLog(rope.theta));
    };
    double first = dimension(rope.beta_fast), last = dimension(rope.beta_slow);
    if (rope.truncate) first = std::floor(first), last = std::ceil(last);
    first = std::max(first, 0.0);
    last = std::min(last, rotary_dim - 1.0);
    if (first == last) last += 0.001;  // no division by zero
    low = static_cast<float>(first);
    width = static_cast<float>(last - first);
  }
  float operator()(int i) const { return std::clamp((static_cast<float>(i) - low) / width, 0.0f, 1.0f); }
};

double MScale(double factor, double mscale) { return factor <= 1 ? 1.0 : 0.1 * mscale * RefLog(factor) + 1.0; }

float YarnScale(const RopeConfig& rope) {
  if (rope.attention_factor) return static_cast<float>(*rope.attention_factor);
  if (rope.mscale.value_or(0) != 0 && rope.mscale_all_dim.value_or(0) != 0)
    return static_cast<float>(MScale(rope.factor, *rope.mscale) / MScale(rope.factor, *rope.mscale_all_dim));
  return static_cast<float>(MScale(rope.factor, 1));
}

float LongRopeScale(const RopeConfig& rope) {
  if (rope.attention_factor) return static_cast<float>(*rope.attention_factor);
  if (rope.factor <= 1) return 1;
  return static_cast<float>(std::sqrt(1 + RefLog(rope.factor) / RefLog(rope.original_max_position_embeddings)));
}

std::vector<float> LongRope(const RopeConfig& rope, const std::vector<double>& factors, int rotary_dim) {
  std::vector<float> inv_freq;
  for (int i = 0; i < rotary_dim / 2; ++i)
    inv_freq.push_back(1.0f /
                       (static_cast<float>(factors[static_cast<size_t>(i)]) * Period(rope.theta, i, rotary_dim)));
  return inv_freq;
}

}  // namespace

RopeTable MakeRopeTable(const RopeConfig& rope, int rotary_dim) {
  RopeTable table;
  if (rope.type == RopeType::kLongRope) {
    table.inv_freq = LongRope(rope, rope.short_factor, rotary_dim);
    table.long_inv_freq = LongRope(rope, rope.long_factor, rotary_dim);
    table.long_above = rope.original_max_position_embeddings;
    table.scale = LongRopeScale(rope);
    return table;
  }
  table.inv_freq.resize(static_cast<size_t>(rotary_dim / 2));
  for (int i = 0; i < rotary_dim / 2; ++i) {
    const float inv_freq = 1.0f / Period(rope.theta, i, rotary_dim);
    table.inv_freq[i] = rope.type == RopeType::kLinear   ? inv_freq / static_cast<float>(rope.factor)
                        : rope.type == RopeType::kLlama3 ? Llama3(inv_freq, rope)
                                                         : inv_freq;
  }
  if (rope.type == RopeType::kYarn) {
    const Ramp ramp(rope, rotary_dim);
    for (int i = 0; i < rotary_dim / 2; ++i) {
      const float interpolated = 1.0f / (static_cast<float>(rope.factor) * Period(rope.theta, i, rotary_dim));
      const float keep = 1.0f - ramp(i);
      table.inv_freq[i] = interpolated * (1.0f - keep) + table.inv_freq[i] * keep;
    }
    table.scale = YarnScale(rope);
  }
  return table;
}

}  // namespace lacuna
