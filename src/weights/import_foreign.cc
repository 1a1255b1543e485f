#include "weights/import_foreign.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/small_float.h"
#include "weights/build_packed.h"

namespace lacuna {
namespace {

constexpr int kChannels = 16;

bool IsCodecGroup(int group) { return group == 0 || (group >= 32 && group <= 1024 && (group & (group - 1)) == 0); }

// Act-order: every group whole, so that columns sorted by group lie in plain groups.
bool GroupsAreWhole(const ForeignMatrix& m) {
  if (m.group_of().empty()) return true;
  std::vector<int> count(static_cast<std::size_t>(m.groups()));
  for (int32_t g : m.group_of()) ++count[static_cast<std::size_t>(g)];
  return std::all_of(count.begin(), count.end(), [&](int c) { return c == m.group(); });
}

// The range of zero points over the whole matrix.
struct Zeros {
  int least, most;
};
Zeros ZerosOf(const ForeignMatrix& m) {
  const int middle = 1 << (m.bits() - 1);
  Zeros zeros{middle, middle};
  if (!m.has_zeros()) return zeros;
  ForeignRow row;
  for (int64_t n = 0; n < m.n(); ++n) {
    m.ReadZeros(n, &row.zeros);
    for (int32_t z : row.zeros) zeros = {std::min(zeros.least, z), std::max(zeros.most, z)};
  }
  return zeros;
}

std::vector<int32_t> ColumnsByGroup(const ForeignMatrix& m) {
  std::vector<int32_t> order(m.group_of().size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return m.group_of()[static_cast<std::size_t>(a)] < m.group_of()[static_cast<std::size_t>(b)];
  });
  return order;
}

// Powers of two that F16 holds.
bool ScalesFitF16(const ForeignMatrix& m) {
  ForeignRow row;
  for (int64_t n = 0; n < m.n(); ++n) {
    m.ReadRow(n, &row);
    for (float s : row.scales) {
      if (F16ToFloat(FloatToF16(s)) != s) return false;
    }
  }
  return true;
}

// nvfp4: a power of two as global scale, so that products are exact in bf16, and no scale is negative or NaN.
bool IsPositiveE4M3(const ForeignMatrix& m) {
  int exponent;
  if (std::frexp(m.global_scale(), &exponent) != 0.5f || std::abs(exponent) > 100) return false;
  ForeignRow row;
  for (int64_t n = 0; n < m.n(); ++n) {
    m.ReadRow(n, &row);
    for (float s : row.scales) {
      if (!(s >= 0) || std::signbit(s)) return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Codec> ForeignCodec(const ForeignMatrix& m) {
  if (m.layout() == ForeignLayout::kBitmask) return std::nullopt;
  if (m.layout() == ForeignLayout::kNvfp4) {
    return IsPositiveE4M3(m) ? std::optional(*ParseCodec("nvfp4")) : std::nullopt;
  }
  if (!IsCodecGroup(m.group()) || !GroupsAreWhole(m)) return std::nullopt;
  Codec codec{.activations = Activations::kInt8};
  if (m.integers()) {
    const Zeros zeros = ZerosOf(m);
    const int middle = 1 << (m.bits() - 1);
    const bool symmetric = zeros.least == middle && zeros.most == middle;
    if (!symmetric && (m.bits() == 8 || zeros.most > 15)) return std::nullopt;
    codec.values = m.bits() == 8 ? ValueKind::kInt8 : symmetric ? ValueKind::kInt4 : ValueKind::kInt4Zero;
  } else {
    codec.values = ValueKind::kMxfp4;
  }
  SetGroup(m.group(), &codec);
  codec.scales_f16 = m.integers() ? m.scales_f16() && m.group() > 0 : ScalesFitF16(m);
  return ValidateCodec(codec, "").ok() ? std::optional(codec) : std::nullopt;
}

Result<PackedWeight> ImportForeign(const SourceMatrix& source) {
  const ForeignMatrix& m = *source.foreign;
  const Codec codec = *ForeignCodec(m);
  const std::vector<int32_t> order = ColumnsByGroup(m);
  BuildOptions options{.in_perm = order};
  const bool nvfp4 = codec.values == ValueKind::kNvfp4;
  const float unit = 0.5f / m.global_scale();  // of nvfp4
  for (std::size_t i = 0; i < 16; ++i) {
    if (nvfp4) {
      const bf16 entry = ToBf16(unit * static_cast<float>(kE2M1[i]));
      std::memcpy(options.codebook.data() + 2 * i, &entry, 2);
    } else {
      options.codebook[i] = static_cast<std::byte>(m.integers() ? static_cast<int>(i) : 128 + kE2M1[i]);
    }
  }
  const auto fill = [&](int panel, PanelValues& values) -> Status {
    const auto k_padded = static_cast<int64_t>(values.stored.size()) / kChannels;
    // What stands for zero: of int4z a code of each group's zero point, else the middle.
    std::fill(values.stored.begin(), values.stored.end(), m.integers() ? 1 << (m.bits() - 1) : 0);
    std::fill(values.zeros.begin(), values.zeros.end(), uint8_t{8});
    ForeignRow row;
    for (int c = 0; c < kChannels; ++c) {
      const int64_t channel = int64_t{panel} * kChannels + c;
      if (channel >= source.n) break;
      m.ReadRow(source.first_row + channel, &row);
      for (int g = 0; g < m.groups(); ++g) {
        float scale = row.scales[static_cast<std::size_t>(g)];
        if (nvfp4) scale /= unit;
        if (!std::isfinite(scale)) {
          return InvalidInput("tensor " + source.name + ": the scale of channel " + std::to_string(channel) +
                              ", group " + std::to_string(g) + ", is not finite");
        }
        values.scales[static_cast<std::size_t>(g * kChannels + c)] = scale;
        if (codec.zero_points()) {
          values.zeros[static_cast<std::size_t>(g * kChannels + c)] =
              static_cast<uint8_t>(row.zeros[static_cast<std::size_t>(g)]);
        }
      }
      int32_t* stored = values.stored.data() + c * k_padded;
      for (int64_t k = 0; k < source.k; ++k) {
        stored[k] = row.codes[static_cast<std::size_t>(order.empty() ? k : order[static_cast<std::size_t>(k)])];
      }
      if (!codec.zero_points()) continue;
      for (int64_t k = source.k; k < k_padded; ++k) {
        const int64_t g = m.group() == 0 ? 0 : k / m.group();
        stored[k] = g < m.groups() ? row.zeros[static_cast<std::size_t>(g)] : 8;
      }
    }
    return {};
  };
  return BuildPacked(source.name, source.n, source.k, codec, options, fill);
}

}  // namespace lacuna
