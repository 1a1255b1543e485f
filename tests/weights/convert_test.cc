#include "weights/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/f16.h"
#include "base/fp_scope.h"

namespace lacuna {
namespace {

TEST(ConvertToBf16, F16RoundsToNearestEvenAndCounts) {
  std::vector<uint16_t> halves;
  for (int bits = 0; bits < 0x7c00; ++bits) halves.push_back(static_cast<uint16_t>(bits));
  std::vector<bf16> out(halves.size());
  const int64_t lost = ConvertToBf16(reinterpret_cast<const std::byte*>(halves.data()), ElementType::kF16,
                                     static_cast<int64_t>(halves.size()), out.data());
  int64_t inexact = 0;
  for (std::size_t i = 0; i < halves.size(); ++i) {
    const double exact = F16ToFloat(halves[i]), got = ToFloat(out[i]);
    inexact += exact != got;
    // Half a unit in the last of bf16's 8 bits.
    int exponent;
    std::frexp(exact, &exponent);
    ASSERT_LE(std::abs(got - exact), std::ldexp(1.0, exponent - 9)) << halves[i];
    const bool tie = std::abs(got - exact) == std::ldexp(1.0, exponent - 9);
    ASSERT_TRUE(!tie || (out[i].bits & 1) == 0) << halves[i];
  }
  EXPECT_EQ(lost, inexact);
  EXPECT_GT(lost, 0);
}

TEST(ConvertToBf16, F16InfinityAndNanStay) {
  for (int bits = 0; bits < 0x10000; ++bits) {
    if ((bits >> 10 & 31) != 31) continue;
    const uint16_t half = static_cast<uint16_t>(bits);
    bf16 out;
    ConvertToBf16(reinterpret_cast<const std::byte*>(&half), ElementType::kF16, 1, &out);
    ASSERT_EQ(std::isnan(ToFloat(out)), (bits & 0x3ff) != 0) << bits;
    ASSERT_FALSE(std::isfinite(ToFloat(out))) << bits;
  }
}

TEST(Convert, UnalignedOfEveryType) {
  const float values[] = {1.5f, -2.25f, 0.0f, 96.0f, -0.0078125f};
  const uint16_t halves[] = {0x3e00, 0xc080, 0x0000, 0x5600, 0xa000};
  for (ElementType type : {ElementType::kF32, ElementType::kF16, ElementType::kBf16}) {
    std::vector<std::byte> bytes(1 + 5 * ElementBytes(type));
    for (int i = 0; i < 5; ++i) {
      const bf16 half_float = ToBf16(values[i]);
      const void* from = type == ElementType::kF32   ? static_cast<const void*>(&values[i])
                         : type == ElementType::kF16 ? static_cast<const void*>(&halves[i])
                                                     : static_cast<const void*>(&half_float);
      std::memcpy(bytes.data() + 1 + i * ElementBytes(type), from, ElementBytes(type));
    }
    float floats[5];
    bf16 rounded[5];
    ConvertToFloat(bytes.data() + 1, type, 5, floats);
    EXPECT_EQ(ConvertToBf16(bytes.data() + 1, type, 5, rounded), 0);
    for (int i = 0; i < 5; ++i) {
      EXPECT_EQ(floats[i], values[i]);
      EXPECT_EQ(ToFloat(rounded[i]), values[i]);
    }
  }
}

}  // namespace
}  // namespace lacuna
