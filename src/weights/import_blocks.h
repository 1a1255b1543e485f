// GGUF's block types that a codec holds as they are: the same codes and the same F16 scales, in panels.
//   Q8_0  int8 in groups of 32        Q4_0  int4 in groups of 32        both with int8 activations, as the codec's
//   default
#pragma once

#include <optional>

#include "io/dtype.h"
#include "weights/packed_weight.h"

namespace lacuna {

// nullopt: none holds it.
std::optional<Codec> BlockCodec(DType type);

// On the threads of the caller's oneTBB arena. source.blocks has a BlockCodec; a scale that is not finite is
// kInvalidInput with its place.
Result<PackedWeight> ImportBlocks(const SourceMatrix& source);

}  // namespace lacuna
