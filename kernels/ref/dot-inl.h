// The bf16 dot of the contract for one panel of 16 channels, shared by the linear layers and attention. A tile (16
// rows of a panel, 32 k) is widened once into its even-k and odd-k halves and then serves every row of x:
//   e = o = 0; for p = 0..15: e = fma(x[2p], w[2p], e), o = fma(x[2p + 1], w[2p + 1], o); acc = acc + (e + o)
// The loop over channels is outside the chain and independent, so the compiler turns it into vectors (lanes are
// channels) without touching the order of a sum.
// For kernel files only: `static inline`, no templates, nothing of the standard library.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/bf16.h"

namespace lacuna::kernels {

struct WideTile {
  alignas(64) float even[16][16];  // [pair p][channel]: k = 2p
  alignas(64) float odd[16][16];   // k = 2p + 1
};

static inline void WidenTile(const bf16* __restrict w, WideTile* tile) {
  float* __restrict even = &tile->even[0][0];
  float* __restrict odd = &tile->odd[0][0];
  for (int i = 0; i < 256; ++i) {
    uint32_t pair;  // little-endian: the even k is the low half
    memcpy(&pair, w + 2 * i, 4);
    even[i] = FloatFromBits(pair << 16);
    odd[i] = FloatFromBits(pair & 0xffff0000u);
  }
}

// acc[channel] += one 32-wide step of x.
static inline void DotStep(const bf16* __restrict x, const WideTile* __restrict tile, float* __restrict acc) {
  alignas(64) float xf[32];
  for (int i = 0; i < 32; ++i) xf[i] = ToFloat(x[i]);
  for (int c = 0; c < 16; ++c) {
    float e = 0.0f, o = 0.0f;
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      e = __builtin_fmaf(xf[2 * p], tile->even[p][c], e);
      o = __builtin_fmaf(xf[2 * p + 1], tile->odd[p][c], o);
    }
    acc[c] = acc[c] + (e + o);
  }
}

// acc[16] = dot of x with a panel over `steps` steps, from +0.
static inline void PanelDot(const bf16* x, const bf16* panel, int steps, float* acc) {
  WideTile tile;
  for (int c = 0; c < 16; ++c) acc[c] = 0.0f;
  for (int s = 0; s < steps; ++s) {
    WidenTile(panel + 512 * (ptrdiff_t)s, &tile);
    DotStep(x + 32 * s, &tile, acc);
  }
}

}  // namespace lacuna::kernels
