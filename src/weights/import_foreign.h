// Foreign matrices that a codec holds as they are: the same integers, scales and zero points, in panels.
//   4 bits                int4, or int4z where a zero point is not 8      groups of 32, 64, .. 1024 or whole rows
//   8 bits, z = 128       int8                                            likewise
//   nvfp4                 nvfp4, where the global scale is a power of two   groups of 16
//   mxfp4                 mxfp4; scales in F32 where F16 lacks one         groups of 32
// Columns in the order of act-order (g_idx) become the weight's in_perm. Other groups, 8 bits with zero points and
// bitmasks are read as floating point, and so is nvfp4 whose global scale is no power of two: its values need more bits
// than bf16 has.
#pragma once

#include <optional>

#include "weights/foreign_matrix.h"
#include "weights/packed_weight.h"

namespace lacuna {

// nullopt: none holds it.
std::optional<Codec> ForeignCodec(const ForeignMatrix& matrix);

// Rows [first_row, first_row + source.n) of source.foreign, which has a ForeignCodec; on the threads of the caller's
// oneTBB arena. A scale that is not finite is kInvalidInput with its place.
Result<PackedWeight> ImportForeign(const SourceMatrix& source);

}  // namespace lacuna
