// exp(x) in float, at most 0.88 ulp off for normal results, from max, min, fma, -, *, and integer shifts only, so that
// vector kernels repeat it operation by operation:
//   t = min(89, max(-105, x))           beyond these the result is inf or 0; operand order lets NaN through
//   n = rint(t * log2(e))               by adding and taking away 1.5 * 2^23 (round to nearest even)
//   r = t - n * ln 2                    ln 2 in two parts; the first fma is exact, so r is good to 2^-26
//   p = 1 + r + r^2 (c2 + .. + c6 r^4)  minimax on |r| <= 0.3466 with c0 = c1 = 1: hence exp(0) = 1; 2^-28.2 off
//   y = (p * 2^(n >> 1)) * 2^(n - (n >> 1))   both factors normal, both products exact unless y overflows or is tiny
// For kernel files only: `static inline`, no templates, nothing of the standard library.
#pragma once

#include <stdint.h>

#include "base/bf16.h"

namespace lacuna::kernels {

static inline float ExpInline(float x) {
  const float kLow = -105.0f, kHigh = 89.0f;
  float t = kLow > x ? kLow : x;     // maxps(kLow, x)
  t = kHigh < t ? kHigh : t;         // minps(kHigh, t)
  const float kShift = 12582912.0f;  // 1.5 * 2^23: the sum's low mantissa bits are n
  const float shifted = __builtin_fmaf(t, 0x1.715476p+0f, kShift);
  const float n = shifted - kShift;
  // Differences as unsigned: for NaN the bits mean nothing, and must not overflow a signed type either.
  const int32_t exponent = (int32_t)(FloatBits(shifted) - 0x4b400000u);
  float r = __builtin_fmaf(n, -0x1.62e430p-1f, t);
  r = __builtin_fmaf(n, 0x1.05c610p-29f, r);
  float p = __builtin_fmaf(0x1.6ac74ep-10f, r, 0x1.123de0p-7f);
  p = __builtin_fmaf(p, r, 0x1.555858p-5f);
  p = __builtin_fmaf(p, r, 0x1.55548cp-3f);
  p = __builtin_fmaf(p, r, 0x1.fffffcp-2f);
  p = __builtin_fmaf(p, r, 1.0f);
  p = __builtin_fmaf(p, r, 1.0f);
  const int32_t half = exponent >> 1;
  const uint32_t first = ((uint32_t)half + 127u) << 23;
  const uint32_t second = ((uint32_t)exponent - (uint32_t)half + 127u) << 23;
  return (p * FloatFromBits(first)) * FloatFromBits(second);
}

}  // namespace lacuna::kernels
