// IEEE binary16 as storage. Integer work or exact arithmetic only, so that results do not depend on MXCSR
// (flush-to-zero); `static inline` and template-free for kernel files.
#pragma once

#include <stdint.h>

#include "base/bf16.h"

namespace lacuna {

// All ones when a < b, both below 2^31.
static inline uint32_t F16MaskBelow(uint32_t a, uint32_t b) { return (uint32_t)((int32_t)(a - b) >> 31); }

// The float's bits; exact, subnormals included.
// Masks, not conditions: g++ would move the product into a branch, and loops over this would stay scalar (2x slower).
static inline uint32_t F16ToFloatBits(uint32_t half) {
  const uint32_t magnitude = half & 0x7fffu;
  // mantissa * 2^-24 is a normal float, or zero: exact whatever MXCSR says.
  const uint32_t subnormal = FloatBits((float)(int32_t)magnitude * 0x1p-24f);
  // Exponents move up by 127 - 15, those of Inf and NaN twice as far.
  const uint32_t normal = (magnitude << 13) + (112u << 23) + (F16MaskBelow(0x7bffu, magnitude) & 112u << 23);
  const uint32_t small = F16MaskBelow(magnitude, 0x400u);
  return (subnormal & small) | (normal & ~small) | (half & 0x8000u) << 16;
}

static inline float F16ToFloat(uint16_t half) { return FloatFromBits(F16ToFloatBits(half)); }

// bits / 2^shift, to nearest even; shift from 1 to 31.
static inline uint32_t ShiftToNearestEven(uint32_t bits, uint32_t shift) {
  const uint32_t half = 1u << (shift - 1), rest = bits & ((1u << shift) - 1);
  const uint32_t down = bits >> shift;
  return down + (rest > half || (rest == half && (down & 1)));
}

// To nearest even; beyond the largest F16, 65504 (from 65520 on), it gives Inf; a NaN stays one.
static inline uint16_t FloatToF16(float x) {
  const uint32_t u = FloatBits(x);
  const uint32_t sign = u >> 16 & 0x8000u, magnitude = u & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
  if (magnitude >= 0x47800000u) return (uint16_t)(sign | 0x7c00u);  // 65536 and more
  uint32_t mantissa, shift;
  if (magnitude >= 0x38800000u) {  // 2^-14 and more: normal
    mantissa = magnitude - (112u << 23);
    shift = 13;
  } else {
    const uint32_t exponent = magnitude >> 23;
    if (exponent < 102) return (uint16_t)sign;  // below 2^-25
    mantissa = (magnitude & 0x7fffffu) | 0x800000u;
    shift = 126 - exponent;  // units of 2^-24
  }
  return (uint16_t)(sign | ShiftToNearestEven(mantissa, shift));
}

}  // namespace lacuna
