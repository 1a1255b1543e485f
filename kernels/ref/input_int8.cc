// Activations to int8, row by row, with their scales and running sums (kernels/packed.h), into each layout.
#include <stddef.h>
#include <stdint.h>
#include <xmmintrin.h>

#include "base/bf16.h"
#include "kernels/ref/ref.h"

namespace lacuna::kernels {
namespace {

inline int Least(int a, int b) { return a < b ? a : b; }

// One row: place(k) is where q of column k belongs. A null x is a row of zeros.
template <class Place>
void Row(const LinearInt8InputArgs& a, const float* x, int row, Place place) {
  uint32_t sum = 0;
  a.sums[row] = 0;
  for (int k0 = 0, group = 0; k0 < a.k_padded; k0 += a.activation_group, ++group) {
    const int k1 = Least(a.k_padded, k0 + a.activation_group), end = x == nullptr ? k0 : Least(a.k, k1);
    uint32_t top = 0;
    for (int k = k0; k < end; ++k) {
      const uint32_t bits = FloatBits(x[k]) & 0x7fffffffu;
      top = bits > top ? bits : top;
    }
    const float largest = FloatFromBits(top);
    const bool zero = largest < 0x1p-100f;
    const float inverse = zero ? 0.0f : 127.0f / largest;
    a.scales[(ptrdiff_t)group * a.x_rows + row] = zero ? 0.0f : largest / 127.0f;
    for (int k = k0; k < k1; ++k) {
      int q = 0;
      if (!zero && k < end) {
        q = _mm_cvtss_si32(_mm_set_ss(x[k] * inverse));  // to nearest even; INT_MIN for a NaN
        q = q > 127 ? 127 : q < -127 ? -127 : q;
      }
      *place(k) = (int8_t)q;
      sum += (uint32_t)q;
      if (k % 32 == 31) a.sums[(ptrdiff_t)((k + 1) / 32) * a.x_rows + row] = (int32_t)sum;
    }
  }
}

}  // namespace

void RefInputInt8Rows(const LinearInt8InputArgs& a) {
  for (int i = a.row_begin; i < a.row_end; ++i) {
    int8_t* to = a.to + (ptrdiff_t)i * a.k_padded;
    Row(a, a.x + i * a.x_stride, i, [to](int k) { return to + k; });
  }
}

void RefInputInt8Wide(const LinearInt8InputArgs& a) {
  for (int i = a.row_begin; i < a.row_end; ++i) {
    const int block = i / a.block_rows * a.block_rows, rows = Least(a.block_rows, a.m - block);
    int8_t* to = a.to + (ptrdiff_t)block * a.k_padded + (i - block) * 4;
    Row(a, a.x + i * a.x_stride, i, [to, rows](int k) { return to + (ptrdiff_t)(k / 4) * rows * 4 + k % 4; });
  }
}

void RefInputInt8Tiles(const LinearInt8InputArgs& a) {
  const int tile_rows = Least(a.m, 16), all_rows = (a.m + tile_rows - 1) / tile_rows * tile_rows;
  const int row_end = a.row_end == a.m ? all_rows : a.row_end;
  for (int i = a.row_begin; i < row_end; ++i) {
    Row(a, i < a.m ? a.x + i * a.x_stride : nullptr, i, [&](int k) {
      const int chunk = k / kTileChunk * kTileChunk, width = Least(kTileChunk, a.k_padded - chunk);
      int8_t* block = a.to + (ptrdiff_t)chunk * all_rows + (ptrdiff_t)(i / tile_rows) * tile_rows * width;
      return block + (ptrdiff_t)(k - chunk) / 64 * 64 * tile_rows + i % tile_rows * 64 + k % 64;
    });
  }
}

}  // namespace lacuna::kernels
