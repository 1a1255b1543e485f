// One group of weights to values: the rules of weights/pack.h. Callers hold an FpScope.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "weights/codec.h"

namespace lacuna {

// To nearest even; |x| below 2^31.
int RoundToInt(float x);

struct GroupScale {
  float s = 1;  // exact in F16 or E4M3 where scales are stored so; infinite: F16 cannot hold it
  int zero_point = 0;
  int book = 0;  // of razer: bit 0 of s as it is stored, which selects kRazerSpecial[book]
};

class Quantizer {
 public:
  // What Value gives besides a stored value (bf16 bits, a biased byte, a code).
  static constexpr int32_t kTooLarge = -2;

  explicit Quantizer(const Codec& codec);
  // Entries of a fitted codebook, ascending.
  void SetCodebook(const std::array<int, 16>& entries);
  // Of nvfp4: the tensor's largest magnitude, from which comes 2^t.
  void SetLargest(float largest);

  // `shrink` multiplies the extremes that the scale is made from: below 1, the largest weights are clipped.
  GroupScale Scale(std::span<const float> group, float shrink = 1) const;
  // razer: that of the least sum of importance * (w - q)^2, importance empty or the group's (weights/razer_scale.h).
  GroupScale SelectedScale(std::span<const float> group, std::span<const float> importance) const;
  bool selects() const { return codec_.selects(); }
  int32_t Value(float x, const GroupScale& scale) const;
  // The weight that a value of Value stands for.
  float Real(int32_t value, const GroupScale& scale) const;
  // The value that stands for 0; -1 where none is exactly 0.
  int32_t ZeroValue(const GroupScale& scale) const;
  // The stream: 16 biased bytes, 32 of razer, or 16 bf16 of nf4 and nvfp4.
  void WriteCodebook(std::byte* to) const;

 private:
  int Nearest(float v) const;

  Codec codec_;
  std::array<int, 16> entries_{};
  void SetE2M1(float unit);
  std::array<float, 16> levels_{};   // of codebook, nf4 and E2M1: what a code is before the scale
  std::array<float, 15> borders_{};  // of E2M1 seven, of magnitudes
};

}  // namespace lacuna
