#include "weights/quantize.h"

#include <xmmintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/bf16.h"
#include "base/f16.h"
#include "weights/pack.h"

namespace lacuna {
namespace {

GroupScale Stored(float s, bool half) { return {.s = half ? F16ToFloat(FloatToF16(s)) : s}; }

float LargestMagnitude(std::span<const float> group) {
  float largest = 0;
  for (float x : group) largest = std::max(largest, std::fabs(x));
  return largest;
}

}  // namespace

int RoundToInt(float x) { return _mm_cvtss_si32(_mm_set_ss(x)); }

std::span<const bf16> Nf4Entries() {
  // -1, -0.6961928, -0.52507305, -0.3949175, -0.28444138, -0.18477343, -0.09105004, 0, 0.0795803, 0.1609302, 0.2461123,
  // 0.33791524, 0.44070983, 0.562617, 0.72295684, 1
  static constexpr bf16 kEntries[16] = {{0xbf80}, {0xbf32}, {0xbf06}, {0xbeca}, {0xbe92}, {0xbe3d}, {0xbdba}, {0x0000},
                                        {0x3da3}, {0x3e25}, {0x3e7c}, {0x3ead}, {0x3ee2}, {0x3f10}, {0x3f39}, {0x3f80}};
  return kEntries;
}

Quantizer::Quantizer(const Codec& codec) : codec_(codec) {
  for (int i = 0; i < 16; ++i) entries_[static_cast<std::size_t>(i)] = i - codec.bias();
  if (codec.zero_points()) {
    for (int i = 0; i < 16; ++i) entries_[static_cast<std::size_t>(i)] = i;
  }
  if (codec.values == ValueKind::kNf4) {
    for (std::size_t i = 0; i < 16; ++i) levels_[i] = ToFloat(Nf4Entries()[i]);
    for (std::size_t i = 0; i < 15; ++i) borders_[i] = (levels_[i] + levels_[i + 1]) / 2;
  }
}

void Quantizer::SetCodebook(const std::array<int, 16>& entries) {
  entries_ = entries;
  for (std::size_t i = 0; i < 16; ++i) levels_[i] = static_cast<float>(entries[i]);
  for (std::size_t i = 0; i < 15; ++i) borders_[i] = (levels_[i] + levels_[i + 1]) / 2;
}

int Quantizer::Nearest(float v) const {
  int code = 0;
  for (float border : borders_) code += v > border;
  return code;
}

GroupScale Quantizer::Scale(std::span<const float> group, float shrink) const {
  const bool half = codec_.scales_f16;
  switch (codec_.values) {
    case ValueKind::kInt8:
    case ValueKind::kCodebook:
      return Stored(LargestMagnitude(group) * shrink / 127, half);
    case ValueKind::kNf4:
      return Stored(LargestMagnitude(group) * shrink, half);
    case ValueKind::kInt4: {
      float m = 0;
      for (float x : group) m = std::fabs(x) > std::fabs(m) ? x : m;
      return Stored(m * shrink / -8, half);
    }
    case ValueKind::kInt4Zero: {
      float low = 0, high = 0;
      for (float x : group) {
        low = std::min(low, x);
        high = std::max(high, x);
      }
      low *= shrink;
      high *= shrink;
      GroupScale scale = Stored((high - low) / 15, half);
      if (scale.s != 0 && std::isfinite(scale.s)) scale.zero_point = std::clamp(RoundToInt(-low / scale.s), 0, 15);
      return scale;
    }
    default:
      return {};
  }
}

int32_t Quantizer::Value(float x, const GroupScale& scale) const {
  const float v = scale.s == 0 ? 0.0f : x / scale.s;
  switch (codec_.values) {
    case ValueKind::kInt8:
      return std::clamp(RoundToInt(v), -127, 127) + 128;
    case ValueKind::kInt4:
      return std::clamp(RoundToInt(v), -8, 7) + 8;
    case ValueKind::kInt4Zero:
      return std::clamp(RoundToInt(v) + scale.zero_point, 0, 15);
    case ValueKind::kCodebook:
    case ValueKind::kNf4:
      return Nearest(v);
    default: {
      const bf16 value = ToBf16(x);
      return (value.bits & 0x7f80u) == 0x7f80u ? kTooLarge : value.bits & 0x7fffu ? value.bits : 0;
    }
  }
}

float Quantizer::Real(int32_t value, const GroupScale& scale) const {
  switch (codec_.values) {
    case ValueKind::kInt8:
    case ValueKind::kInt4:
      return scale.s * static_cast<float>(value - codec_.bias());
    case ValueKind::kInt4Zero:
      return scale.s * static_cast<float>(value - scale.zero_point);
    case ValueKind::kCodebook:
    case ValueKind::kNf4:
      return scale.s * levels_[static_cast<std::size_t>(value)];
    default:
      return ToFloat(bf16{static_cast<uint16_t>(value)});
  }
}

int32_t Quantizer::ZeroValue(const GroupScale& scale) const {
  switch (codec_.values) {
    case ValueKind::kInt8:
      return 128;
    case ValueKind::kInt4:
      return 8;
    case ValueKind::kInt4Zero:
      return scale.zero_point;
    case ValueKind::kCodebook:
    case ValueKind::kNf4: {
      const int code = Nearest(0);
      return levels_[static_cast<std::size_t>(code)] == 0 ? code : -1;
    }
    default:
      return 0;
  }
}

void Quantizer::WriteCodebook(std::byte* to) const {
  if (codec_.values == ValueKind::kNf4) {
    std::memcpy(to, Nf4Entries().data(), 32);
    return;
  }
  for (std::size_t i = 0; i < 16; ++i)
    to[i] = static_cast<std::byte>(entries_[i] + (codec_.zero_points() ? 0 : codec_.bias()));
}

}  // namespace lacuna
