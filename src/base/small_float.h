// The small floats of OCP's microscaling formats and of NVFP4, as storage: E2M1 values, E4M3 scales. Exact integer work
// apart from one product by a power of two; `static inline` and template-free for kernel files.
#pragma once

#include <stdint.h>

#include "base/f16.h"

namespace lacuna {

// E2M1 by its four bits (sign, two of exponent, one of mantissa), times two: an integer.
inline constexpr int kE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

// RaZeR: what the code of E2M1's -0 stands for instead, times two, in its two codebooks (weights/codec.h).
inline constexpr int kRazerCode = 8;
inline constexpr int kRazerSpecial[2] = {10, 16};

inline constexpr float kLargestE4M3 = 448;

// (1 + m / 8) 2^(e - 7), or m / 8 2^-6 where e = 0; s1111111 is NaN, and there is no infinity. But for the sign the
// bits are those of the F16 that is 2^-8 times as large, subnormals included.
static inline float E4M3ToFloat(uint8_t bits) {
  const uint32_t magnitude = bits & 0x7fu, sign = (uint32_t)(bits & 0x80u) << 24;
  if (magnitude == 0x7f) return FloatFromBits(sign | 0x7fc00000u);
  return FloatFromBits(sign | FloatBits(F16ToFloat((uint16_t)(magnitude << 7)) * 256.0f));
}

// To nearest even; beyond the largest it gives that, a NaN stays one.
static inline uint8_t FloatToE4M3(float x) {
  const uint32_t u = FloatBits(x), sign = u >> 24 & 0x80u, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint8_t)(sign | 0x7fu);
  if (magnitude >= FloatBits(kLargestE4M3)) return (uint8_t)(sign | 0x7eu);
  uint32_t mantissa, shift;
  if (magnitude >= 121u << 23) {  // 2^-6 and more: normal
    mantissa = magnitude - (120u << 23);
    shift = 20;
  } else {
    const uint32_t exponent = magnitude >> 23;
    if (exponent < 117) return (uint8_t)sign;  // below 2^-10
    mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    shift = 141 - exponent;  // units of 2^-9
  }
  return (uint8_t)(sign | ShiftToNearestEven(mantissa, shift));
}

}  // namespace lacuna
