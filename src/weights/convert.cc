#include "weights/convert.h"

#include <cstring>

#include "base/f16.h"

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

void ConvertToFloat(const std::byte* data, ElementType type, int64_t count, float* out) {
  switch (type) {
    case ElementType::kF32:
      std::memcpy(out, data, static_cast<std::size_t>(count) * 4);
      break;
    case ElementType::kF16:
      ForEach16(data, count, [out](uint16_t bits, int64_t i) { out[i] = FloatFromBits(F16ToFloatBits(bits)); });
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
        const uint32_t exact = F16ToFloatBits(bits);
        // Never denormal as a float and far from overflow, so rounding is one addition; a NaN would wrap, and stays.
        const uint32_t rounded = (exact + 0x7fffu + (exact >> 16 & 1)) >> 16;
        const uint32_t special = exact >> 16 | ((bits & 0x7fffu) > 0x7c00u ? 0x40u : 0u);
        out[i] = bf16{static_cast<uint16_t>((bits & 0x7c00u) == 0x7c00u ? special : rounded)};
        lost += (exact & 0xffffu) != 0;
      });
      break;
    case ElementType::kBf16:
      std::memcpy(static_cast<void*>(out), data, static_cast<std::size_t>(count) * 2);
      break;
  }
  return lost;
}

}  // namespace lacuna
