#include "base/f16.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/fp_scope.h"

namespace lacuna {
namespace {

// binary16 by its definition, in double.
double HalfValue(uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 0x3ff;
  const double sign = half & 0x8000 ? -1 : 1;
  return exponent == 0 ? sign * std::ldexp(mantissa, -24) : sign * std::ldexp(1024 + mantissa, exponent - 25);
}

TEST(F16ToFloat, AllValuesExactUnderFlushToZero) {
  FpScope fp;
  for (int bits = 0; bits < 0x10000; ++bits) {
    const float got = F16ToFloat(static_cast<uint16_t>(bits));
    if ((bits >> 10 & 31) != 31) {
      ASSERT_EQ(static_cast<double>(got), HalfValue(bits)) << bits;
      ASSERT_EQ(std::signbit(got), (bits & 0x8000) != 0) << bits;
    } else if ((bits & 0x3ff) == 0) {
      ASSERT_TRUE(std::isinf(got)) << bits;
    } else {
      ASSERT_TRUE(std::isnan(got)) << bits;
    }
  }
}

// Every half comes back; every value between two neighbours goes to the nearer one, the middle to the even one.
TEST(FloatToF16, RoundsToNearestEven) {
  FpScope fp;
  for (int bits = 0; bits < 0x7c00; ++bits) {
    const float low = F16ToFloat(static_cast<uint16_t>(bits));
    for (uint32_t sign : {0u, 0x8000u}) {
      const auto at = [sign](uint32_t u) { return FloatToF16(FloatFromBits(u | sign << 16)); };
      ASSERT_EQ(at(FloatBits(low)), bits | sign);
      if (bits == 0) continue;  // below it are float denormals
      const double high = bits == 0x7bff ? 65536 : F16ToFloat(static_cast<uint16_t>(bits + 1));
      const uint32_t middle = FloatBits(static_cast<float>((low + high) / 2));
      ASSERT_EQ(at(middle - 1), bits | sign);
      ASSERT_EQ(at(middle), (bits + (bits & 1)) | sign);
      ASSERT_EQ(at(middle + 1), (bits + 1) | sign);
    }
  }
  EXPECT_EQ(FloatToF16(0x1p-25f), 0);
  EXPECT_EQ(FloatToF16(0x1.000002p-25f), 1);
  EXPECT_EQ(FloatToF16(0x1p-30f), 0);
  EXPECT_EQ(FloatToF16(1e10f), 0x7c00);
  EXPECT_EQ(FloatToF16(-INFINITY), 0xfc00);
  EXPECT_EQ(FloatToF16(NAN) & 0x7fff, 0x7e00);
}

}  // namespace
}  // namespace lacuna
