#include "weights/import_blocks.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/f16.h"
#include "weights/build_packed.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

constexpr int kChannels = 16;
constexpr int kGroup = 32;

}  // namespace

std::optional<Codec> BlockCodec(DType type) {
  if (type != DType::kQ8_0 && type != DType::kQ4_0) return std::nullopt;
  Codec codec{.values = type == DType::kQ8_0 ? ValueKind::kInt8 : ValueKind::kInt4, .activations = Activations::kInt8};
  SetGroup(kGroup, &codec);
  return codec;
}

Result<PackedWeight> ImportBlocks(const SourceMatrix& source) {
  const bool wide = source.blocks == DType::kQ8_0;
  const Codec codec = *BlockCodec(*source.blocks);
  const int bytes = DTypeBlock(*source.blocks).bytes;
  BuildOptions options;
  for (int i = 0; i < 16; ++i)
    options.codebook[static_cast<std::size_t>(i)] = static_cast<std::byte>(i);  // biased by 8
  const auto fill = [&](int panel, PanelValues& values) -> Status {
    const auto k_padded = static_cast<int64_t>(values.stored.size()) / kChannels;
    std::fill(values.stored.begin(), values.stored.end(), codec.bias());
    for (int c = 0; c < kChannels; ++c) {
      const int64_t channel = int64_t{panel} * kChannels + c;
      if (channel >= source.n) break;
      const std::byte* block = RowData(source, channel);
      int32_t* stored = values.stored.data() + c * k_padded;
      for (int64_t k = 0; k < source.k; k += kGroup, block += bytes) {
        uint16_t half;
        std::memcpy(&half, block, 2);
        const float scale = F16ToFloat(half);
        if (!std::isfinite(scale)) {
          return InvalidInput("tensor " + source.name + "[" + std::to_string(channel) + "][" + std::to_string(k) +
                              "] starts a block whose scale is not finite");
        }
        values.scales[static_cast<std::size_t>(k / kGroup * kChannels + c)] = scale;
        const std::byte* codes = block + 2;
        for (int i = 0; i < kGroup; ++i) {
          const int byte = static_cast<int>(codes[wide ? i : i % 16]);
          stored[k + i] = wide ? (byte ^ 128) : i < 16 ? byte & 15 : byte >> 4;
        }
      }
    }
    return {};
  };
  return BuildPacked(source.name, source.n, source.k, codec, options, fill);
}

}  // namespace lacuna
