// bfloat16 as storage: the upper half of a float. Conversions are the numeric contract's: to nearest even,
// denormals to zero, NaN quiet. `static inline` and template-free, so kernels compiled per instruction set can
// include it without leaving weak symbols behind.
#pragma once

#include <stdint.h>
#include <string.h>

namespace lacuna {

struct bf16 {
  uint16_t bits;
};
static_assert(sizeof(bf16) == 2);

static inline uint32_t FloatBits(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return u;
}

static inline float FloatFromBits(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}

static inline float ToFloat(bf16 x) { return FloatFromBits(uint32_t{x.bits} << 16); }

static inline bf16 ToBf16(float x) {
  uint32_t u = FloatBits(x);
  if ((u & 0x7fffffffu) > 0x7f800000u) return bf16{(uint16_t)((u >> 16) | 0x40)};  // NaN, made quiet
  if ((u & 0x7f800000u) == 0) return bf16{(uint16_t)((u >> 16) & 0x8000)};         // zero and denormals
  u += 0x7fffu + ((u >> 16) & 1);
  return bf16{(uint16_t)(u >> 16)};
}

}  // namespace lacuna
