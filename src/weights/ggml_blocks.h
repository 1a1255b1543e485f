// GGUF's block types as numbers (layouts and formulas: ggml-common.h, ggml-quants.c of
// https://github.com/ggml-org/ggml). d, m: F16; q: unsigned codes unless said otherwise; products in f32 in the order
// written.
//
//   Q8_0  32: d, 32 signed bytes                              x = d q
//   Q4_0  32: d, 16 bytes: code i low of byte i, i + 16 high  x = d (q - 8)
//   Q4_1  32: d, m, 16 bytes likewise                         x = d q + m
//   Q5_0  32: d, u32 of fifth bits, 16 bytes likewise         x = d (q - 16)
//   Q5_1  32: d, m, u32 of fifth bits, 16 bytes likewise      x = d q + m
//   Q4_K 256: d, m, 12 bytes: 8 six-bit s and 8 six-bit b; 128 bytes: 32 low, then 32 high codes of each 32 bytes
//                                                             x = (d s) q - (m b), s and b of each 32
//   Q5_K 256: d, m, 12 bytes likewise, 32 bytes of fifth bits (bit j of byte i: code 32 j + i), 128 bytes likewise
//   Q6_K 256: 128 bytes of low halves, 64 of upper two bits, 16 signed s, d
//                                                             x = (d s) (q - 32), s of each 16
#pragma once

#include <cstddef>
#include <cstdint>

#include "io/dtype.h"

namespace lacuna {

// `count` elements, a multiple of the block's, of a type with IsBlockWeightType. The order of roundings is that of the
// `gguf` Python package, so all values have its bits, under round to nearest and whatever flush-to-zero says where no
// product is denormal.
void DequantizeBlocks(const std::byte* data, DType type, int64_t count, float* out);

}  // namespace lacuna
