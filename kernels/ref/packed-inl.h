// How a packed weight is read, one tile at a time, written from the layouts that kernels/README.md draws.
// For kernel files only: `static inline`, no templates, nothing of the standard library.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/f16.h"
#include "base/small_float.h"
#include "kernels/packed.h"

namespace lacuna::kernels {

static inline int RowElements(const PackedPanels* w) { return w->type == PackedValues::kBf16 ? 32 : 64; }
static inline int PairK(const PackedPanels* w) { return RowElements(w) / 16; }  // k of a channel in a row

// Which elements of a row are stored, one bit each.
static inline uint64_t RowMask(const PackedPanels* w, int panel, int tile, int row) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->tiles + tile) * 16 + row;
  if (w->type == PackedValues::kBf16) return w->mask == nullptr ? 0xffffffffu : ((const uint32_t*)w->mask)[at];
  return w->mask == nullptr ? ~(uint64_t)0 : ((const uint64_t*)w->mask)[at];
}

static inline const uint8_t* TileValues(const PackedPanels* w, int panel, int tile) {
  if (w->panel_bases == nullptr) return w->values + panel * w->panel_bytes + (ptrdiff_t)tile * w->tile_bytes;
  return w->values + w->panel_bases[panel] + w->tile_offsets[(ptrdiff_t)panel * w->tiles + tile];
}

// z of a channel (0 .. 15) of a panel at k.
static inline int ZeroPoint(const PackedPanels* w, int panel, int channel, int k) {
  if (w->zeros == nullptr) return w->bias;
  return w->zeros[((ptrdiff_t)panel * w->groups + k / w->group) * 16 + channel];
}

static inline float WeightScale(const PackedPanels* w, int panel, int channel, int k) {
  if (w->scales == nullptr) return 1.0f;
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16 + channel;
  if (w->scales_e4m3) return E4M3ToFloat(((const uint8_t*)w->scales)[at]);
  return w->scales_f16 ? F16ToFloat(((const uint16_t*)w->scales)[at]) : ((const float*)w->scales)[at];
}

// What a channel's codes at k are moved by in the codebook: 16 where its scale selects the second one.
static inline int BookOffset(const PackedPanels* w, int panel, int channel, int k) {
  if (!w->scale_selects) return 0;
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16 + channel;
  uint32_t bits;
  if (w->scales_f16) {
    bits = ((const uint16_t*)w->scales)[at];
  } else {
    memcpy(&bits, (const float*)w->scales + at, 4);
  }
  return (int)(bits & 1) * 16;
}

// The i-th stored value of a tile's rows (4-bit: of the half that `row` is in): bf16 bits, a byte, a code.
static inline uint16_t StoredValue(const PackedPanels* w, const uint8_t* tile, int row, int i) {
  switch (w->type) {
    case PackedValues::kBf16: {
      uint16_t bits;
      memcpy(&bits, tile + 2 * (ptrdiff_t)i, 2);
      return bits;
    }
    case PackedValues::kInt8:
      return tile[i];
    default:
      return row < 8 ? tile[i] & 15 : tile[i] >> 4;
  }
}

// Before the scale, as a float: exact in bf16 whatever is stored. Not stored: 0.
static inline float UnscaledWeight(const PackedPanels* w, uint16_t stored, int zero_point) {
  switch (w->type) {
    case PackedValues::kBf16:
      return ToFloat(bf16{stored});
    case PackedValues::kInt8:
      return (float)(stored - zero_point);
    default:
      return w->zeros != nullptr ? (float)(w->codebook[stored] - zero_point) : ToFloat(w->code_values[stored]);
  }
}

// stored[row][element], codes moved by BookOffset; -1 where a weight is not stored.
struct ExpandedTile {
  int32_t stored[16][64];
};
static inline void ExpandTile(const PackedPanels* w, int panel, int tile, ExpandedTile* to) {
  const uint8_t* values = TileValues(w, panel, tile);
  int next = 0;
  for (int row = 0; row < 16; ++row) {
    if (row == 8 && w->type == PackedValues::kCode4) next = 0;
    const uint64_t mask = RowMask(w, panel, tile, row);
    for (int j = 0; j < RowElements(w); ++j) {
      const bool there = mask >> j & 1;
      to->stored[row][j] = there ? StoredValue(w, values, row, next++) : -1;
      if (there) to->stored[row][j] += BookOffset(w, panel, j / PairK(w), (tile * 16 + row) * PairK(w));
    }
  }
}

}  // namespace lacuna::kernels
