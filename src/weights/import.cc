#include "weights/import.h"

#include "weights/import_blocks.h"
#include "weights/import_foreign.h"

namespace lacuna {

std::optional<Codec> ImportCodec(const SourceMatrix& source) {
  if (source.blocks) return BlockCodec(*source.blocks);
  return source.foreign ? ForeignCodec(*source.foreign) : std::nullopt;
}

Result<PackedWeight> ImportAsStored(const SourceMatrix& source) {
  return source.blocks ? ImportBlocks(source) : ImportForeign(source);
}

}  // namespace lacuna
