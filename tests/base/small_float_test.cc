// E2M1 and E4M3 against their definitions, over all codes and around every border.
#include "base/small_float.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/fp_scope.h"

namespace lacuna {
namespace {

double Definition(int bits) {
  const int exponent = bits >> 3 & 15, mantissa = bits & 7;
  const double size = exponent == 0 ? mantissa / 8.0 * 0x1p-6 : std::ldexp(1 + mantissa / 8.0, exponent - 7);
  return bits & 128 ? -size : size;
}

TEST(E4M3, EveryCodeIsItsDefinition) {
  const FpScope fp;  // denormals are flushed: E4M3's own must not be lost
  for (int bits = 0; bits < 256; ++bits) {
    const float got = E4M3ToFloat(static_cast<uint8_t>(bits));
    if ((bits & 127) == 127) {
      EXPECT_TRUE(std::isnan(got));
      continue;
    }
    EXPECT_EQ(got, Definition(bits)) << bits;
    EXPECT_EQ(FloatToE4M3(got), bits);
  }
  EXPECT_EQ(E4M3ToFloat(0x7e), kLargestE4M3);
  EXPECT_EQ(FloatToE4M3(NAN), 0x7f);
}

TEST(E4M3, RoundsToNearestEven) {
  for (int bits = 0; bits < 0x7e; ++bits) {
    const auto low = static_cast<float>(Definition(bits)), high = static_cast<float>(Definition(bits + 1));
    const float middle = (low + high) / 2;
    EXPECT_EQ(FloatToE4M3(middle), bits % 2 == 0 ? bits : bits + 1) << bits;
    EXPECT_EQ(FloatToE4M3(std::nextafter(middle, 0.0f)), bits);
    EXPECT_EQ(FloatToE4M3(std::nextafter(middle, 1e9f)), bits + 1);
    EXPECT_EQ(FloatToE4M3(-high), 128 + bits + 1);
  }
  for (float x : {449.0f, 1e30f, INFINITY}) EXPECT_EQ(FloatToE4M3(x), 0x7e);
}

TEST(E2M1, EveryCodeIsItsDefinition) {
  for (int bits = 0; bits < 16; ++bits) {
    const int exponent = bits >> 1 & 3, mantissa = bits & 1;
    const double size = exponent == 0 ? mantissa / 2.0 : std::ldexp(1 + mantissa / 2.0, exponent - 1);
    EXPECT_EQ(kE2M1[bits], (bits & 8 ? -2 : 2) * size) << bits;
  }
}

}  // namespace
}  // namespace lacuna
