// Between the element types of files and the two that kernels take. All of it is integer work or exact arithmetic, so
// that results do not depend on MXCSR (flush-to-zero) nor on the instruction set.
//
//   F16 -> f32   exact, subnormals included
//   F16 -> bf16  to nearest even: three bits of the mantissa are rounded away, the range is never left
//   F32 -> bf16  ToBf16 of base/bf16.h: to nearest even, denormals to zero; beyond the largest bf16 it gives Inf
//   BF16 -> f32  exact
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/view.h"
#include "base/bf16.h"

namespace lacuna {

// `count` elements at `data`, which may be unaligned.
void ConvertToFloat(const std::byte* data, ElementType type, int64_t count, float* out);

// The same to bf16. Returns how many F16 values lost bits by it (0 for the other types: there, rounding is expected).
int64_t ConvertToBf16(const std::byte* data, ElementType type, int64_t count, bf16* out);

}  // namespace lacuna
