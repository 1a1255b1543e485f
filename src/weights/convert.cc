#include "weights/convert.h"

#include <cstring>

namespace lacuna {
namespace {

// Calls f(bits, i) for each 2-byte element.
template <typename F>
void ForEach16(const std::byte* data, int64_t count, F f) {
  for (int64_t i = 0; i < count; ++i) {
    uint16_t bits;
    std::memcpy(&bits, data + 2 * i, 2);
    f(bits, i);
  }
}

}  // namespace

float F16ToFloat(uint16_t half) {
  const uint32_t sign = (half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 31u;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0) {
    // mantissa * 2^-24: a normal float, or zero.
    return FloatFromBits(FloatBits(static_cast<float>(mantissa) * 0x1p-24f) | sign);
  }
  if (exponent == 31) return FloatFromBits(sign | 0x7f800000u | mantissa << 13);
  return FloatFromBits(sign | (exponent + 112u) << 23 | mantissa << 13);
}

void ConvertToFloat(const std::byte* data, ElementType type, int64_t count, float* out) {
  switch (type) {
    case ElementType::kF32:
      std::memcpy(out, data, static_cast<std::size_t>(count) * 4);
      break;
    case ElementType::kF16:
      ForEach16(data, count, [out](uint16_t bits, int64_t i) { out[i] = F16ToFloat(bits); });
      break;
    case ElementType::kBf16:
      ForEach16(data, count, [out](uint16_t bits, int64_t i) { out[i] = ToFloat(bf16{bits}); });
      break;
  }
}

int64_t ConvertToBf16(const std::byte* data, ElementType type, int64_t count, bf16* out) {
  int64_t lost = 0;
  switch (type) {
    case ElementType::kF32:
      for (int64_t i = 0; i < count; ++i) {
        float x;
        std::memcpy(&x, data + 4 * i, 4);
        out[i] = ToBf16(x);
      }
      break;
    case ElementType::kF16:
      ForEach16(data, count, [out, &lost](uint16_t bits, int64_t i) {
        const float exact = F16ToFloat(bits);
        out[i] = ToBf16(exact);
        lost += FloatBits(exact) != FloatBits(ToFloat(out[i]));
      });
      break;
    case ElementType::kBf16:
      std::memcpy(static_cast<void*>(out), data, static_cast<std::size_t>(count) * 2);
      break;
  }
  return lost;
}

}  // namespace lacuna
