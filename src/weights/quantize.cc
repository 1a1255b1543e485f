#include "weights/quantize.h"

#include <xmmintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/bf16.h"
#include "base/f16.h"
#include "base/small_float.h"
#include "weights/pack.h"
#include "weights/razer_scale.h"

namespace lacuna {
namespace {

GroupScale Stored(float s, bool half) { return {.s = half ? F16ToFloat(FloatToF16(s)) : s}; }

float LargestMagnitude(std::span<const float> group) {
  float largest = 0;
  for (float x : group) largest = std::max(largest, std::fabs(x));
  return largest;
}

// The smallest power of two that is not below x > 0 and that F16 holds.
float PowerOfTwo(float x) {
  int exponent;
  const float mantissa = std::frexp(x, &exponent);  // [0.5, 1)
  return std::ldexp(1.0f, std::max(mantissa == 0.5f ? exponent - 1 : exponent, -24));
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
  if (codec.e2m1()) {
    for (std::size_t i = 0; i < 16; ++i) entries_[i] = kE2M1[i];
    SetE2M1(codec.integer() ? 1 : 0.5f);
  }
}

void Quantizer::SetE2M1(float unit) {
  for (std::size_t i = 0; i < 16; ++i) levels_[i] = unit * static_cast<float>(kE2M1[i]);
  for (std::size_t i = 0; i < 7; ++i) borders_[i] = (levels_[i] + levels_[i + 1]) / 2;
}

// GPTQ may make weights larger before their turn comes: room for twice the largest. What is lost at the other end,
// below 2^-9 of 2^t, is nothing beside it.
void Quantizer::SetLargest(float largest) {
  if (codec_.values != ValueKind::kNvfp4 || !std::isfinite(largest)) return;
  int t = 0;
  if (std::frexp(largest / (3 * kLargestE4M3), &t) == 0.5f) --t;  // largest <= 6 * 224 * 2^t
  SetE2M1(std::ldexp(0.5f, largest == 0 ? 0 : std::clamp(t, -120, 120)));
}

void Quantizer::SetCodebook(const std::array<int, 16>& entries) {
  entries_ = entries;
  for (std::size_t i = 0; i < 16; ++i) levels_[i] = static_cast<float>(entries[i]);
  for (std::size_t i = 0; i < 15; ++i) borders_[i] = (levels_[i] + levels_[i + 1]) / 2;
}

int Quantizer::Nearest(float v) const {
  int code = 0;
  if (codec_.e2m1()) {  // ties to the even code; no -0
    const float size = std::fabs(v);
    for (std::size_t i = 0; i < 7; ++i) code += i % 2 == 0 ? size > borders_[i] : size >= borders_[i];
    return v < 0 && code > 0 ? code + 8 : code;
  }
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
    case ValueKind::kRazer:
      return SelectedScale(group, {});
    case ValueKind::kFp4:
      return Stored(LargestMagnitude(group) * shrink / 12, half);
    case ValueKind::kMxfp4: {
      const float least = LargestMagnitude(group) * shrink / 12;
      return least == 0 ? GroupScale{.s = 0} : Stored(PowerOfTwo(least), half);
    }
    case ValueKind::kNvfp4:
      return {.s = E4M3ToFloat(FloatToE4M3(LargestMagnitude(group) * shrink / levels_[7]))};
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

GroupScale Quantizer::SelectedScale(std::span<const float> group, std::span<const float> importance) const {
  const RazerScale best = FindRazerScale(group, importance, codec_.scales_f16);
  return {.s = best.s, .book = best.book};
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
    case ValueKind::kFp4:
    case ValueKind::kMxfp4:
    case ValueKind::kNvfp4:
      return Nearest(v);
    case ValueKind::kRazer: {
      const int code = Nearest(v);
      const float special = static_cast<float>(kRazerSpecial[scale.book]);
      return std::fabs(v - special) < std::fabs(v - levels_[static_cast<std::size_t>(code)]) ? kRazerCode : code;
    }
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
    case ValueKind::kFp4:
    case ValueKind::kMxfp4:
    case ValueKind::kNvfp4:
      return scale.s * levels_[static_cast<std::size_t>(value)];
    case ValueKind::kRazer:
      if (value == kRazerCode) return scale.s * static_cast<float>(kRazerSpecial[scale.book]);
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
    case ValueKind::kNf4:
    case ValueKind::kFp4:
    case ValueKind::kMxfp4:
    case ValueKind::kNvfp4:
    case ValueKind::kRazer: {
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
  if (codec_.values == ValueKind::kNvfp4) {
    for (std::size_t i = 0; i < 16; ++i) {
      const bf16 entry = ToBf16(levels_[i]);
      std::memcpy(to + 2 * i, &entry, 2);
    }
    return;
  }
  for (std::size_t i = 0; i < 16; ++i)
    to[i] = static_cast<std::byte>(entries_[i] + (codec_.zero_points() ? 0 : codec_.bias()));
  if (!codec_.selects()) return;
  std::memcpy(to + 16, to, 16);
  for (int book = 0; book < 2; ++book) {
    to[16 * book + kRazerCode] = static_cast<std::byte>(kRazerSpecial[book] + codec_.bias());
  }
}

}  // namespace lacuna
