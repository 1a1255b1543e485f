// bf16 conversions against rounding done in double precision, and the floating-point environment of the contract.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/bf16.h"
#include "base/fp_scope.h"

namespace lacuna {
namespace {

// float -> bf16 by the definition: scale to an 8-bit significand, round to nearest even, scale back. Exact in double.
uint16_t Oracle(float x) {
  if (x == 0 || std::fabs(x) < std::numeric_limits<float>::min()) return std::signbit(x) ? 0x8000 : 0;
  int exponent;
  const double significand = std::frexp(double{x}, &exponent);
  const double rounded = std::ldexp(std::nearbyint(std::ldexp(significand, 8)), exponent - 8);
  return FloatBits(static_cast<float>(rounded)) >> 16;  // overflow becomes infinity
}

TEST(Bf16, RoundsAsTheDefinition) {
  // A stride prime to 2^32 reaches all exponents and signs; the ends of every bf16 interval follow.
  for (uint64_t u = 0; u < uint64_t{1} << 32; u += 1009) {
    const float x = FloatFromBits(static_cast<uint32_t>(u));
    if (!std::isfinite(x)) continue;
    ASSERT_EQ(ToBf16(x).bits, Oracle(x)) << std::hexfloat << x;
  }
  for (uint32_t high = 0; high < 0x10000; ++high) {
    for (uint32_t low : {0x0000u, 0x0001u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu}) {
      const float x = FloatFromBits(high << 16 | low);
      if (!std::isfinite(x)) continue;
      ASSERT_EQ(ToBf16(x).bits, Oracle(x)) << std::hexfloat << x;
    }
  }
}

TEST(Bf16, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const bf16 x{static_cast<uint16_t>(bits)};
    const bool denormal = (bits & 0x7f80) == 0 && (bits & 0x7f) != 0;
    const bool nan = (bits & 0x7fff) > 0x7f80;
    const uint16_t expected = denormal ? bits & 0x8000 : nan ? bits | 0x40 : bits;
    ASSERT_EQ(ToBf16(ToFloat(x)).bits, expected) << std::hex << bits;
  }
}

TEST(Bf16, NanStaysNanWhateverItsPayload) {
  for (uint32_t u : {0x7f800001u, 0x7fbfffffu, 0x7fffffffu, 0xff800001u, 0xffc00000u}) {
    const uint16_t bits = ToBf16(FloatFromBits(u)).bits;
    EXPECT_GT(bits & 0x7fff, 0x7f80);
    EXPECT_NE(bits & 0x40, 0);  // quiet
    EXPECT_EQ(bits >> 15, u >> 31);
  }
}

// Through volatile, so that the compiler computes nothing ahead.
float Multiply(float a, float b) {
  volatile float x = a, y = b;
  return x * y;
}

// The flags that say what happened, not what to do; the compiler moves what sets them.
constexpr unsigned kSticky = 0x3f;

TEST(FpScope, FlushesDenormalsAndRestores) {
  const float min = std::numeric_limits<float>::min(), denormal = min / 4;
  const unsigned before = _mm_getcsr() & ~kSticky;
  ASSERT_GT(Multiply(min, 0.5f), 0.0f) << "the program started with FTZ";
  {
    FpScope scope;
    EXPECT_EQ(_mm_getcsr() & ~kSticky, kContractMxcsr);
    EXPECT_EQ(Multiply(min, 0.5f), 0.0f);             // FTZ: a denormal result
    EXPECT_EQ(Multiply(denormal, 0x1p100f), 0.0f);    // DAZ: a denormal operand
    EXPECT_TRUE(std::isinf(Multiply(3e38f, 3e38f)));  // masked: no SIGFPE
    {
      FpScope inner;
      EXPECT_EQ(Multiply(min, 0.5f), 0.0f);
    }
    EXPECT_EQ(Multiply(min, 0.5f), 0.0f);
  }
  EXPECT_EQ(_mm_getcsr() & ~kSticky, before);
  EXPECT_GT(Multiply(min, 0.5f), 0.0f);
}

TEST(FpScope, OverridesTheCallersRoundingAndMasks) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr((before & ~0x6000u) | 0x2000u);  // round down
  const float down = Multiply(1.0f / 3, 1.1f);
  {
    FpScope scope;
    EXPECT_GT(Multiply(-1.0f / 3, 1.1f), -1.0f);
    EXPECT_EQ(Multiply(1.0f + 0x1p-23f, 1.0f + 0x1.8p-1f), FloatFromBits(FloatBits(1.75f) + 2));  // 1.75 * 2^-23 up
  }
  EXPECT_EQ(_mm_getcsr() & 0x6000u, 0x2000u);
  _mm_setcsr(before);
  EXPECT_LE(down, Multiply(1.0f / 3, 1.1f));
}

}  // namespace
}  // namespace lacuna
