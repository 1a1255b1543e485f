// What a packed weight's streams are, and the view of them that kernels read.
#include <cstring>
#include <limits>

#include "base/status_macros.h"
#include "weights/packed_weight.h"

namespace lacuna {
namespace {

constexpr int kTableBytes = 64;  // of VPERMB and VPERMW

std::size_t RoundUp64(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

const char* StreamName(Stream stream) {
  switch (stream) {
    case Stream::kValues:
      return "values";
    case Stream::kMask:
      return "mask";
    case Stream::kOffsets:
      return "offsets";
    case Stream::kBases:
      return "bases";
    case Stream::kScales:
      return "scales";
    case Stream::kZeros:
      return "zeros";
    case Stream::kCodebook:
      return "codebook";
    case Stream::kPerm:
      return "perm";
  }
  return "?";
}

int SegmentOf(int64_t n) { return n <= 1024 ? 1024 : 0; }

Result<PackedWeight> DescribePacked(const std::string& name, int64_t n, int64_t k, const Codec& codec) {
  LACUNA_RETURN_IF_ERROR(ValidateCodec(codec, "tensor " + name));
  // A bitmap's offsets have 32 bits for the 32 bytes that a k of a panel takes at most.
  const int64_t limit = codec.bitmap ? int64_t{1} << 26 : std::numeric_limits<int>::max() - 64;
  if (n < 1 || k < 1 || n > std::numeric_limits<int>::max() - 64 || k > limit) {
    return InvalidInput("tensor " + name + " has shape [" + std::to_string(n) + ", " + std::to_string(k) +
                        "]; both sizes must be between 1 and " + std::to_string(limit));
  }
  PackedWeight weight;
  weight.codec = codec;
  weight.n = static_cast<int>(n);
  weight.k = static_cast<int>(k);
  if (codec.values == ValueKind::kF32) {
    weight.k_padded = weight.k;
    return weight;
  }
  const int tile_k = kernels::PackedTileK(codec.type());
  weight.k_padded = (weight.k + tile_k - 1) / tile_k * tile_k;
  weight.k_segment = SegmentOf(n);
  // The int32 of one dot of u8 and s8 is exact up to here.
  constexpr int kLongestDot = 65536;
  if (codec.activations == Activations::kInt8 && codec.group == 0 && codec.activation_group == 0 &&
      weight.k_segment == 0 && k > kLongestDot) {
    return InvalidInput("tensor " + name + " has K = " + std::to_string(k) + ", beyond the " +
                        std::to_string(kLongestDot) + " that " + CodecName(codec) +
                        " can sum exactly with one scale a row; give it a group");
  }
  return weight;
}

std::size_t StreamBytes(const PackedWeight& w, Stream stream) {
  const Codec& c = w.codec;
  const auto panels = static_cast<std::size_t>(w.panels());
  if (c.values == ValueKind::kF32) return stream == Stream::kValues ? panels * w.PanelBytes() : 0;
  const std::size_t tiles = panels * static_cast<std::size_t>(w.tiles());
  const std::size_t scales = panels * static_cast<std::size_t>(w.groups()) * 16;
  switch (stream) {
    case Stream::kValues:
      if (c.bitmap && c.pattern_m == 0) return 0;
      return panels * static_cast<std::size_t>(w.view.panel_bytes);
    case Stream::kMask:
      return c.bitmap ? tiles * 16 * (c.type() == kernels::PackedValues::kBf16 ? 4 : 8) : 0;
    case Stream::kOffsets:
      return c.bitmap && c.pattern_m == 0 ? tiles * 4 : 0;
    case Stream::kBases:
      return c.bitmap && c.pattern_m == 0 ? (panels + 1) * 8 : 0;
    case Stream::kScales:
      return c.scaled() ? scales * static_cast<std::size_t>(c.scale_bytes()) : 0;
    case Stream::kZeros:
      return c.zero_points() ? scales : 0;
    case Stream::kCodebook:
      return !c.coded() ? 0 : c.integer() && !c.selects() ? 16 : 32;
    case Stream::kPerm:
      return w.stream(Stream::kPerm).empty() ? 0 : static_cast<std::size_t>(w.k) * 4;
  }
  return 0;
}

Status BindPacked(PackedWeight* weight) {
  PackedWeight& w = *weight;
  const Codec& c = w.codec;
  const auto at = [&](Stream s) -> const void* { return w.stream(s).empty() ? nullptr : w.stream(s).data(); };
  kernels::PackedPanels& v = w.view;
  v.type = c.type();
  v.values = static_cast<const uint8_t*>(at(Stream::kValues));
  v.mask = at(Stream::kMask);
  v.tile_offsets = static_cast<const uint32_t*>(at(Stream::kOffsets));
  v.panel_bases = static_cast<const uint64_t*>(at(Stream::kBases));
  v.scales = at(Stream::kScales);
  v.zeros = static_cast<const uint8_t*>(at(Stream::kZeros));
  v.panels = w.panels();
  v.tiles = w.tiles();
  v.k_padded = w.k_padded;
  v.group = c.group == 0 ? w.k_padded : c.group;
  v.groups = w.groups();
  v.k_segment = w.k_segment;
  v.bias = c.bias();
  v.scales_f16 = c.scales_f16;
  v.scales_e4m3 = c.scales_e4m3();
  v.product = c.product();
  v.scale_selects = c.selects();
  v.constant_rows = c.constant_rows();
  if (!c.bitmap || c.pattern_m > 0) {
    const int all = c.type() == kernels::PackedValues::kCode4 ? 512 : 1024;
    v.tile_bytes = c.pattern_m > 0 ? all / c.pattern_m * c.pattern_n : all;
    v.panel_bytes = static_cast<ptrdiff_t>(RoundUp64(static_cast<std::size_t>(v.tile_bytes) * v.tiles));
  }
  if (!c.coded() || w.stream(Stream::kCodebook).size() < StreamBytes(w, Stream::kCodebook)) return {};
  LACUNA_ASSIGN_OR_RETURN(w.tables, AlignedBuffer::Create(2 * kTableBytes, "codebook"));
  auto* codebook = reinterpret_cast<uint8_t*>(w.tables.data());
  auto* values = reinterpret_cast<bf16*>(w.tables.data() + kTableBytes);
  for (int i = 0; i < 64; ++i) {
    const std::byte* from = w.stream(Stream::kCodebook).data();
    codebook[i] = c.integer() ? static_cast<uint8_t>(from[i % (c.selects() ? 32 : 16)]) : 0;
    if (i >= 32) continue;
    if (c.integer()) {
      values[i] = ToBf16(static_cast<float>(codebook[i] - c.bias()));
    } else {
      std::memcpy(values + i, from + 2 * (i % 16), 2);
    }
  }
  v.codebook = c.integer() ? codebook : nullptr;
  v.code_values = values;
  return {};
}

std::span<const int32_t> PackedWeight::in_perm() const {
  const auto bytes = stream(Stream::kPerm);
  if (bytes.empty()) return {};
  return {reinterpret_cast<const int32_t*>(bytes.data()), static_cast<std::size_t>(k)};
}

std::size_t PackedWeight::ReadBytesBefore(int panel) const {
  const auto count = static_cast<std::size_t>(panel), all = static_cast<std::size_t>(panels());
  const std::size_t values = view.panel_bases != nullptr ? static_cast<std::size_t>(view.panel_bases[panel])
                                                         : stream(Stream::kValues).size() / all * count;
  return values + (ReadBytes() - stream(Stream::kValues).size()) / all * count;
}

std::size_t PackedWeight::ReadBytes() const {
  std::size_t bytes = 0;
  for (Stream s : {Stream::kValues, Stream::kMask, Stream::kOffsets, Stream::kScales, Stream::kZeros}) {
    bytes += stream(s).size();
  }
  return bytes;
}

int64_t PackedWeight::StoredWeights() const {
  if (!codec.bitmap) return int64_t{n} * k;
  const auto mask = stream(Stream::kMask);
  int64_t stored = 0;
  for (std::size_t i = 0; i < mask.size(); i += 8) {
    uint64_t word;
    std::memcpy(&word, mask.data() + i, 8);
    stored += __builtin_popcountll(word);
  }
  return stored;
}

}  // namespace lacuna
