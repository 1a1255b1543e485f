// Arguments of the linear kernels: y = x * w^T as raw fp32 dots; bias, activation and residual are the op's.
//
// Packed bf16 weight (all tiers, one layout). A panel is 16 output channels and all of K, K zero-padded to k_padded
// (a multiple of 32), N zero-padded to whole panels:
//   row r of a panel = 64 bytes = channel 0..15, each the pair (k = 2r, k = 2r + 1);  16 rows = one 1 KiB tile = 32 k.
//   panel p starts at w + p * 16 * k_padded.
// Packed f32 weight (f32 mode only): row k of a panel = 16 floats, one a channel; panel p starts at w + p * 16 * k.
//
// The input, x rounded to bf16 once and laid out for the kernel that reads it (LinearInput); k >= K is zero:
//   kRows     [m][k_padded] bf16, rows x_stride apart.
//   kWide     blocks of up to R rows (R is the kernel's): [block][k_padded][rows of the block] floats, so that a kernel
//             broadcasts from one pointer. Every block but the last has R rows; block b starts at b * R * k_padded.
//   kHalves   as kWide; an even k has its value in the low half of the 4 bytes, an odd one in the high half, and the
//             other half is zero: what VDPBF16PS takes to be one chain.
//   kTiles    row blocks of T = min(m, 16) rows, the last filled with rows of zeros, in chunks of kTileChunk columns:
//             [chunk][block][step of the chunk][T][32] bf16, so that what a chunk needs is contiguous (blocks that are
//             K apart fall on the same cache sets).
// Rounded to int8 by groups instead (kernels/packed.h), k_padded a multiple of 64:
//   kInt8Rows  [m][k_padded], rows x_stride apart.
//   kInt8Wide  blocks of up to R rows: [block][k_padded / 4][rows of the block][4 k], broadcasts of 4 bytes; block b
//              starts at b * R * k_padded.
//   kInt8Tiles as kTiles: [chunk][block][step of the chunk][T][64].
#pragma once

#include <stddef.h>

#include "base/bf16.h"

namespace lacuna::kernels {

enum { kTileChunk = 512 };

enum class LinearInput { kRows, kWide, kHalves, kTiles, kInt8Rows, kInt8Wide, kInt8Tiles };

// Rounds columns [k_begin, k_end) of x, both multiples of 32, into a layout; columns from k on are zero.
struct LinearInputArgs {
  const float* x;  // m rows of k values
  ptrdiff_t x_stride;
  void* to;  // aligned to 64; LinearInputBytes() of them
  int m;
  int k;
  int k_padded;
  int k_begin;
  int k_end;
  int block_rows;  // R of kWide and kHalves
};

struct LinearBf16Args {
  const void* x;       // in the kernel's layout
  ptrdiff_t x_stride;  // kRows: elements between rows
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
