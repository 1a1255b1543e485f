#include "weights/packed_weight.h"

#include <emmintrin.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <vector>

#include "base/status_macros.h"
#include "weights/convert.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

constexpr int kChannels = 16;
constexpr int kBlock = 32;  // k packed at a time: one bf16 tile

// out[j][c] = in[c][j] for 16 x `rows` 4-byte words; rows is a multiple of 4.
void Transpose(const uint32_t (&in)[kChannels][kBlock], int rows, uint32_t* out) {
  for (int j = 0; j < rows; j += 4) {
    for (int c = 0; c < kChannels; c += 4) {
      const auto load = [&](int i) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(&in[c + i][j])); };
      const __m128i a = _mm_unpacklo_epi32(load(0), load(1)), b = _mm_unpacklo_epi32(load(2), load(3));
      const __m128i d = _mm_unpackhi_epi32(load(0), load(1)), e = _mm_unpackhi_epi32(load(2), load(3));
      const auto store = [&](int i, __m128i v) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + (j + i) * kChannels + c), v);
      };
      store(0, _mm_unpacklo_epi64(a, b));
      store(1, _mm_unpackhi_epi64(a, b));
      store(2, _mm_unpacklo_epi64(d, e));
      store(3, _mm_unpackhi_epi64(d, e));
    }
  }
}

// The first value of the row that cannot be stored; called once a block is known to have one.
Status BadValue(const SourceMatrix& source, int64_t channel, const Codec& codec) {
  std::vector<float> row(static_cast<std::size_t>(source.k));
  RowFloats(source, channel, row.data());
  for (int64_t k = 0; k < source.k; ++k) {
    const float x = row[static_cast<std::size_t>(k)];
    const std::string place = source.name + "[" + std::to_string(channel) + "][" + std::to_string(k) + "]";
    if (!std::isfinite(x)) {
      return InvalidInput("tensor " + place + " is " + (std::isnan(x) ? "NaN" : "infinite") +
                          "; every weight must be a finite number");
    }
    if (codec == Codec::kBf16 && !std::isfinite(ToFloat(ToBf16(x)))) {
      char value[32];
      std::snprintf(value, sizeof value, "%g", static_cast<double>(x));
      return InvalidInput("tensor " + place + " is " + value + ", beyond the largest bf16 number, 3.38953e+38");
    }
  }
  return InternalError("tensor " + source.name + ": its values changed while they were packed");
}

// One panel of either codec: a block of k at a time, 16 channels side by side as 4-byte words, then transposed.
Status PackPanel(const SourceMatrix& source, int panel, PackedWeight* weight, int64_t* rounded) {
  const bool wide = weight->codec == Codec::kF32;
  const ElementType type = source.converted() ? ElementType::kF32 : source.type;
  const int64_t element = static_cast<int64_t>(ElementBytes(type));
  const int64_t first = int64_t{panel} * kChannels;
  const int channels = static_cast<int>(std::min<int64_t>(kChannels, source.n - first));
  auto* out = reinterpret_cast<uint32_t*>(weight->data.data() + panel * weight->PanelBytes());

  alignas(64) uint32_t words[kChannels][kBlock] = {};
  alignas(64) uint32_t turned[kBlock * kChannels];
  const std::byte* rows[kChannels];
  std::vector<float> dequantized(source.converted() ? static_cast<std::size_t>(channels * source.k) : 0);
  for (int c = 0; c < channels; ++c) {
    rows[c] = source.converted() ? reinterpret_cast<const std::byte*>(dequantized.data() + c * source.k)
                                 : RowData(source, first + c);
    if (source.converted()) RowFloats(source, first + c, dequantized.data() + c * source.k);
  }
  for (int64_t k = 0; k < source.k; k += kBlock) {
    const int count = static_cast<int>(std::min<int64_t>(kBlock, source.k - k));
    if (count < kBlock) std::fill_n(&words[0][0], kChannels * kBlock, 0u);
    for (int c = 0; c < channels; ++c) {
      uint32_t bad = 0;
      if (wide) {
        ConvertToFloat(rows[c] + k * element, type, count, reinterpret_cast<float*>(words[c]));
        for (int i = 0; i < kBlock; ++i) bad |= (words[c][i] & 0x7f800000u) == 0x7f800000u;
      } else {
        bf16 values[kBlock] = {};
        *rounded += ConvertToBf16(rows[c] + k * element, type, count, values);
        for (int i = 0; i < kBlock; ++i) bad |= (values[i].bits & 0x7f80u) == 0x7f80u;
        std::memcpy(words[c], values, sizeof values);
      }
      if (bad != 0) return BadValue(source, first + c, weight->codec);
    }
    if (!wide) {
      Transpose(words, kBlock / 2, out + k / 2 * kChannels);
    } else if (count == kBlock) {
      Transpose(words, kBlock, out + k * kChannels);
    } else {
      Transpose(words, kBlock, turned);
      std::copy_n(turned, count * kChannels, out + k * kChannels);
    }
  }
  return {};
}

}  // namespace

Result<PackedWeight> AllocatePacked(const SourceMatrix& source, const Codec& codec) {
  LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, DescribePacked(source.name, source.n, source.k, codec));
  if (codec.scaled() || codec.bitmap) return InternalError("tensor " + source.name + ": not for " + CodecName(codec));
  if (source.data == nullptr) return InternalError("tensor " + source.name + " has no data");
  if (source.row_stride != 0 && source.row_stride < source.k) {
    return InternalError("tensor " + source.name + ": rows of " + std::to_string(source.k) + " overlap, stride " +
                         std::to_string(source.row_stride));
  }
  const std::size_t bytes = static_cast<std::size_t>(weight.panels()) * weight.PanelBytes();
  LACUNA_ASSIGN_OR_RETURN(weight.data, AlignedBuffer::Create(bytes, "tensor " + source.name));
  weight.stream(Stream::kValues) = {weight.data.data(), weight.data.size()};
  if (codec != Codec::kF32) LACUNA_RETURN_IF_ERROR(BindPacked(&weight));
  return weight;
}

Status PackPanels(const SourceMatrix& source, int begin, int end, PackedWeight* weight, PackStats* stats) {
  int64_t rounded = 0;
  for (int panel = begin; panel < end; ++panel) {
    LACUNA_RETURN_IF_ERROR(PackPanel(source, panel, weight, &rounded));
  }
  if (stats != nullptr && !source.converted() && source.type == ElementType::kF16 && weight->codec == Codec::kBf16 &&
      begin < end) {
    const int64_t channels = std::min<int64_t>(source.n, int64_t{end} * kChannels) - int64_t{begin} * kChannels;
    stats->f16_values += channels * source.k;
    stats->f16_rounded += rounded;
  }
  return {};
}

Result<PackedWeight> PackLinear(const SourceMatrix& source, const Codec& codec, PackStats* stats) {
  LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, AllocatePacked(source, codec));
  LACUNA_RETURN_IF_ERROR(PackPanels(source, 0, weight.panels(), &weight, stats));
  return weight;
}

}  // namespace lacuna
