// Weights that are quantized already, in a form that a codec holds as it is: GGUF's blocks (weights/import_blocks.h)
// and other tools' tensors (weights/import_foreign.h).
#pragma once

#include <optional>

#include "weights/packed_weight.h"

namespace lacuna {

// nullopt: none holds it, or the source is floating point.
std::optional<Codec> ImportCodec(const SourceMatrix& source);
// A source that has an ImportCodec, on the threads of the caller's oneTBB arena.
Result<PackedWeight> ImportAsStored(const SourceMatrix& source);

}  // namespace lacuna
