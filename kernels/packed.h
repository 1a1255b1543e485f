// Packed weights of every codec as kernels see them, and the arguments of the linear kernels that read them.
// kernels/README.md draws the layouts; src/weights/codec.h names the codecs.
//
// A panel is 16 output channels and all of K. Expanded, its rows are 64 bytes: 16 channels x 2 k (bf16) or 16 channels
// x 4 k, one byte each (int8 and 4-bit codes): byte j is channel j / 4, k j % 4. 16 rows are a tile: kTileK k. The
// layout depends on what is stored and on how a value is stored, never on the type of the activations.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bf16.h"

namespace lacuna::kernels {

enum class PackedValues { kBf16, kInt8, kCode4 };

static inline int PackedTileK(PackedValues values) { return values == PackedValues::kBf16 ? 32 : 64; }

// Every stream starts at a multiple of 64 and has 64 readable bytes behind it. Integer weights are biased to unsigned:
// a weight is scale * (u - z), u the stored byte or codebook[code], z the bias or the channel's zero point in its
// group; nf4 and the like have no integers: a weight is scale * code_values[code].
// `product`: with bf16 activations the weight is that product, exact in bf16, and there are no groups (mxfp4, nvfp4).
struct PackedPanels {
  PackedValues type;
  // all:      panel p at values + p * tiles * tile_bytes, tile t at + t * tile_bytes.
  // bitmap:   panel p at values + panel_bases[p], or + p * panel_bytes where constant_rows > 0 (both multiples of 64).
  //           Stored values in the order of rows and, in a row, of mask bits; tiles follow each other without gaps.
  // 4-bit:    low nibble of byte i = i-th stored code of the tile's rows 0-7, high nibble = i-th of its rows 8-15; a
  //           tile takes max(n_low, n_high) bytes, the nibbles left over are 0. (All: byte 64 r + j = rows r and r
  //           + 8.)
  const uint8_t* values;
  // bitmap: [panel][tile][16 rows], uint32_t (bf16) or uint64_t; bit j = element j of the expanded row (channel j / 2,
  // k j % 2, or channel j / 4, k j % 4) is stored. Null: all are. What is not stored is z (0 in bf16).
  const void* mask;
  const uint32_t* tile_offsets;  // bitmap: [panel][tile] bytes from the panel's start; null where constant_rows > 0
  const uint64_t* panel_bases;   // bitmap: [panels + 1] bytes from `values`, the last one is the end; null likewise
  const void* scales;            // [panel][group][16], f16, e4m3 or float; null for bf16
  const uint8_t* zeros;          // [panel][group][16] z of the channels, or null: z = bias
  // 4-bit: the 16 entries u four times over, a table for VPERMB. u - z fits a signed byte. `scale_selects`: two
  // codebooks, twice over.
  const uint8_t* codebook;
  // 4-bit with bf16 activations: the 16 weights before the scale, twice over, a table for VPERMW: entries of the
  // codebook (`scale_selects`: of both) minus bias, or of nf4. Where there are zero points the weight is codebook[code]
  // - z instead (exact in bf16).
  const bf16* code_values;
  ptrdiff_t panel_bytes;  // of values: all, constant_rows; 0 otherwise
  int tile_bytes;         // of values: all, constant_rows; 0 otherwise
  // N:M bitmaps: after each constant_rows rows (1, 2, 4 or 8) the number of stored values is the same, so that offsets
  // are computed: 16 / constant_rows such blocks make tile_bytes (4-bit: half as many, each in both nibbles).
  int constant_rows;
  int panels;
  int tiles;      // of a panel
  int k_padded;   // tiles * PackedTileK(type)
  int group;      // k that a scale covers, 32, 64, .. 1024, or k_padded where it covers the row; `product`: 16 or 32
  int groups;     // the last one may be short
  int k_segment;  // as in LinearBf16Args
  int bias;       // 128 (int8, fitted codebook) or 8 (int4): what padding of N and K stands for
  bool scales_f16;
  bool scales_e4m3;  // one byte each, only where `product`
  bool product;
  // 4-bit (RaZeR): bit 0 of a group's stored scale, f16 or float, says which 16 of 32 entries its codes are looked up
  // in. Both have u = bias as entry 0, which gaps are then codes of.
  bool scale_selects;
};

// Activations are bf16 (LinearInput of kernels/linear.h: y = fma(bf16 dot of a group, scale, y)), or int8:
//   x_scales[g * x_rows + i]  scale of row i in activation group g
//   x_sums[s * x_rows + i]    sum of q of row i over k < 32 s, s = 0 .. k_padded / 32, modulo 2^32: the sum over any
//                             group is a difference, whatever the weight's group and segment are
struct LinearPackedArgs {
  const PackedPanels* w;
  const void* x;          // k = 0 of the input in the kernel's layout, padded to w->k_padded
  ptrdiff_t x_stride;     // kRows, kInt8Rows: elements between rows
  const float* x_scales;  // int8 activations
  const int32_t* x_sums;  // int8 activations
  int x_rows;             // rows in the layout, those that fill its last tile included (their q and scales are 0)
  int activation_group;   // 32, 64, .. 1024, or k_padded where a scale covers the row
  float* y;               // row i, channel c of panel p at y[i * y_stride + (p - panel_begin) * 16 + c]
  ptrdiff_t y_stride;
  int m;
  // The part of K: 0 and k_padded; k_begin may be another multiple of the segment (a split K), k_end another multiple
  // of a tile and of the weight's and the activations' group where those are not the whole row (a nested rank).
  int k_begin;
  int k_end;
  int panel_begin;
  int panel_end;
};

// Segments, clipped: where sums start again from +0.
static inline int PackedSegment(const PackedPanels* w) {
  return w->k_segment > 0 && w->k_segment < w->k_padded ? w->k_segment : w->k_padded;
}
// k of one int32 dot (int8 activations) or one bf16 dot: the smallest of weight group, activation group, segment.
static inline int PackedPeriod(const PackedPanels* w, int activation_group) {
  const int segment = PackedSegment(w);
  const int least = w->group < segment && !w->product ? w->group : segment;
  return activation_group < least ? activation_group : least;
}

// x rounded to int8 and laid out (LinearInput::kInt8*); columns from k on, and rows that fill a tile, are 0. Per row
// and activation group: a = max|x|, of the bit patterns, so that a NaN or Inf becomes the scale and then y; a < 2^-100
// gives q = 0, s = 0; else q = rne(x * (127 / a)) clamped to +-127, s = a / 127.
struct LinearInt8InputArgs {
  const float* x;
  ptrdiff_t x_stride;
  int8_t* to;     // aligned to 64
  float* scales;  // as x_scales above
  int32_t* sums;  // as x_sums above
  int m;
  int x_rows;
  int k;
  int k_padded;          // a multiple of 64
  int activation_group;  // as above
  int block_rows;        // R of kInt8Wide; 16 in kInt8Tiles, 1 in kInt8Rows
  // Rows [row_begin, row_end) of the m: what one call does, so that threads share the work. A multiple of 16 in
  // kInt8Tiles.
  int row_begin;
  int row_end;
};

}  // namespace lacuna::kernels
