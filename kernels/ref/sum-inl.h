// The rule of sums: lane j of 16 takes x[j], x[j + 16], ..; then lanes are added 8, 4, 2, 1 apart (lane j takes lane
// j + 8 as its right operand, and so on). A lane that takes nothing is +0.
// For kernel files only: `static inline`, no templates, nothing of the standard library.
#pragma once

#include <stddef.h>

namespace lacuna::kernels {

static inline float AddLanes(float* lane) {
  for (int apart = 8; apart > 0; apart /= 2) {
    for (int j = 0; j < apart; ++j) lane[j] = lane[j] + lane[j + apart];
  }
  return lane[0];
}

}  // namespace lacuna::kernels
