// The scale and the codebook of one group of weights in RaZeR (weights/codec.h): those of the least
//
//   E = sum of importance * (w - s * c)^2,   c the nearest of E2M1 (doubled) and one special value: 10, 16, -10 or -16
//
//   1. s = max|w| / 12 times 1, 0.975, .. 0.7, as for fp4, for each special value; +-16 reaches further than E2M1's 12,
//      so down to 0.575 for it. Bit 0 of the stored scale is the codebook: the nearest number that has it. The nearest
//      of all has one of the two, so fp4's scale is always among the candidates, with E2M1 and one value more: E is at
//      most fp4's.
//   2. With each special value's best s the codes c, and the scale that fits them best, sum(w c) / sum(c^2), which is
//      taken where it lowers E.
#pragma once

#include <span>

namespace lacuna {

struct RazerScale {
  float s = 0;   // negative where the special value is; exact as it is stored; infinite: F16 cannot hold it
  int book = 0;  // bit 0 of s as it is stored: kRazerSpecial[book]
};

// `importance` is empty or has the group's size. `half`: scales are stored as F16, else as float. The caller holds an
// FpScope.
RazerScale FindRazerScale(std::span<const float> w, std::span<const float> importance, bool half);

}  // namespace lacuna
