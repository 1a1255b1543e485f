// Arguments of the linear kernels: y = x * w^T as raw fp32 dots; bias, activation and residual are the op's.
//
// Packed bf16 weight (all tiers, one layout). A panel is 16 output channels and all of K, K zero-padded to k_padded
// (a multiple of 32), N zero-padded to whole panels:
//   row r of a panel = 64 bytes = channel 0..15, each the pair (k = 2r, k = 2r + 1);  16 rows = one 1 KiB tile = 32 k.
//   panel p starts at w + p * 16 * k_padded.
// Packed f32 weight (f32 mode only): row k of a panel = 16 floats, one a channel; panel p starts at w + p * 16 * k.
#pragma once

#include <stddef.h>

#include "base/bf16.h"

namespace lacuna::kernels {

struct LinearBf16Args {
  const bf16* x;       // m rows of k_padded values, padding zero
  ptrdiff_t x_stride;  // elements between rows
  const bf16* w;       // panel 0 of the weight
  float* y;            // row i, channel c of panel p at y[i * y_stride + (p - panel_begin) * 16 + c]
  ptrdiff_t y_stride;
  int m;
  int k_padded;
  int k_segment;  // 0, or a multiple of 128: each segment starts at +0, segments are added in ascending order; the
                  // last may be short, and one longer than k_padded is the same as 0
  int panel_begin;
  int panel_end;
};

struct LinearF32Args {
  const float* x;
  ptrdiff_t x_stride;
  const float* w;
  float* y;  // as above
  ptrdiff_t y_stride;
  int m;
  int k;
  int panel_begin;
  int panel_end;
};

}  // namespace lacuna::kernels
