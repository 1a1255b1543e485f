// What the tile kernels of packed weights share: where their input and their scales lie, and how int32 dots become
// fp32. For kernel files only.
#pragma once

#include "kernels/amx/expand-inl.h"
#include "kernels/amx/tile.h"
#include "kernels/linear.h"

namespace lacuna::kernels {
namespace {

LACUNA_INLINE int Least(int a, int b) { return a < b ? a : b; }

alignas(64) const char kZeroTile[1024] = {};

// The tile of x (kTiles, kInt8Tiles) whose first column is k, of row block `block`.
template <Kind kKind>
LACUNA_INLINE const char* XTile(const LinearPackedArgs& a, int k, int block) {
  const int rows = Least(a.m, 16), blocks = (a.m + 15) / 16, k0 = k / kTileChunk * kTileChunk;
  const int width = Least(kTileChunk, a.w->k_padded - k0);
  const ptrdiff_t columns = (ptrdiff_t)k0 * blocks + (ptrdiff_t)block * width + (k - k0);
  return (const char*)a.x + columns * rows * (kKind == Kind::kBf16Bitmap ? 2 : 1);
}

// Scales of a panel's channels at k.
LACUNA_INLINE __m512 WeightScales(const PackedPanels* w, int panel, int k) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k / w->group) * 16;
  if (w->scales_f16) return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)((const uint16_t*)w->scales + at)));
  return _mm512_loadu_ps((const float*)w->scales + at);
}

// z * sum of q over [k0, k1), of up to 16 rows from `row` on.
LACUNA_INLINE void Corrections(const LinearPackedArgs& a, int row, int rows, int k0, int k1, int32_t* to) {
  const __mmask16 mask = (__mmask16)((1u << rows) - 1);
  const int32_t* sums = a.x_sums + row;
  const __m512i sum = _mm512_sub_epi32(_mm512_maskz_loadu_epi32(mask, sums + (ptrdiff_t)(k1 / 32) * a.x_rows),
                                       _mm512_maskz_loadu_epi32(mask, sums + (ptrdiff_t)(k0 / 32) * a.x_rows));
  _mm512_store_si512(to, _mm512_mullo_epi32(sum, _mm512_set1_epi32(a.w->bias)));
}

LACUNA_INLINE const float* XScales(const LinearPackedArgs& a, int row, int k) {
  return a.x_scales + (ptrdiff_t)(k / a.activation_group) * a.x_rows + row;
}

// fma(float(t), fl(sx * sw), y) of one row.
LACUNA_INLINE __m512 Drained(__m512i t, float sx, __m512 sw, __m512 y) {
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(t), _mm512_mul_ps(_mm512_set1_ps(sx), sw), y);
}

}  // namespace
}  // namespace lacuna::kernels
