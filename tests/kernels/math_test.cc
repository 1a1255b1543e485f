// Our own exp, log, pow, sin and cos: special values, accuracy against long double, and hashes that pin every bit
// across compilers and machines.
#include "kernels/ref/math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/fp_scope.h"
#include "tests/support/data.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using lacuna::testing::BitsHash;
using lacuna::testing::Random;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// |got - want| in units of the last place of want, as a float.
double FloatUlps(float got, long double want) {
  int exponent;
  std::frexp(want, &exponent);
  return static_cast<double>(std::abs(got - want) / std::ldexp(1.0L, exponent - 24));
}

double DoubleUlps(double got, long double want) {
  int exponent;
  std::frexp(want, &exponent);
  return static_cast<double>(std::abs(got - want) / std::ldexp(1.0L, exponent - 53));
}

TEST(RefExp, SpecialValues) {
  FpScope fp;
  EXPECT_EQ(FloatBits(RefExp(0.0f)), FloatBits(1.0f));
  EXPECT_EQ(FloatBits(RefExp(-0.0f)), FloatBits(1.0f));
  EXPECT_EQ(FloatBits(RefExp(FloatFromBits(1))), FloatBits(1.0f));
  EXPECT_EQ(FloatBits(RefExp(-kInf)), 0u);
  EXPECT_EQ(FloatBits(RefExp(-1e30f)), 0u);
  EXPECT_EQ(RefExp(kInf), kInf);
  EXPECT_EQ(RefExp(1e30f), kInf);
  EXPECT_TRUE(std::isnan(RefExp(kNan)));
  EXPECT_TRUE(std::isnan(RefExp(-kNan)));
  EXPECT_EQ(RefExp(88.72284f), kInf);             // just above ln(2^128)
  EXPECT_TRUE(std::isfinite(RefExp(88.72283f)));  // just below
  EXPECT_EQ(FloatBits(RefExp(-87.33655f)), 0u);   // just below ln(2^-126)
  EXPECT_GE(RefExp(-87.33654f), 0x1p-126f);       // just above
}

TEST(RefExp, ZeroForMinusInfinityWhateverTheEnvironment) {
  EXPECT_EQ(FloatBits(RefExp(-kInf)), 0u);
  EXPECT_EQ(RefExp(0.0f), 1.0f);
}

TEST(RefExp, WithinOneUlp) {
  FpScope fp;
  double worst = 0;
  float at = 0;
  // Dense enough to meet each reduction interval thousands of times, and every binade down to 2^-30.
  for (float x = -87.3365f; x < 88.7228f; x += 2e-5f + std::abs(x) * 1e-6f) {
    const double ulps = FloatUlps(RefExp(x), std::exp(static_cast<double>(x)));
    if (ulps > worst) worst = ulps, at = x;
  }
  for (float x = 0x1p-30f; x < 1; x *= 1.0003f) {
    for (float signed_x : {x, -x}) {
      const double ulps = FloatUlps(RefExp(signed_x), std::exp(static_cast<double>(signed_x)));
      if (ulps > worst) worst = ulps, at = signed_x;
    }
  }
  EXPECT_LE(worst, 0.88) << "at " << at;
}

TEST(RefExp, BitsArePinned) {
  FpScope fp;
  BitsHash hash;
  // Every 509th of the 2^32 bit patterns: all exponents, both signs, NaNs.
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 509) hash.Add(RefExp(FloatFromBits(bits)));
  EXPECT_EQ(hash.value(), 0x6154e03e623359e3u);
}

TEST(RefSinCos, SpecialValues) {
  FpScope fp;
  float s, c;
  RefSinCos(0.0f, &s, &c);
  EXPECT_EQ(s, 0.0f);
  EXPECT_EQ(c, 1.0f);
  RefSinCos(1e-20f, &s, &c);
  EXPECT_EQ(s, 1e-20f);
  EXPECT_EQ(c, 1.0f);
}

TEST(RefSinCos, CorrectlyRoundedButForNearTies) {
  FpScope fp;
  Random random(lacuna::testing::TestSeed(11));
  double worst = 0;
  float at = 0;
  for (int i = 0; i < 400000; ++i) {
    // Half of them uniform in the exponent, half whole positions up to 2^24.
    float x = i % 2 == 0 ? std::ldexp(lacuna::testing::UniformIn(random, 1, 2), lacuna::testing::IntIn(random, -20, 23))
                         : static_cast<float>(lacuna::testing::IntIn(random, 0, 1 << 24));
    if (random() & 1) x = -x;
    float s, c;
    RefSinCos(x, &s, &c);
    const double ulps = std::max(FloatUlps(s, std::sin(static_cast<long double>(x))),
                                 FloatUlps(c, std::cos(static_cast<long double>(x))));
    if (ulps > worst) worst = ulps, at = x;
  }
  EXPECT_LE(worst, 0.5 + 1e-6) << "at " << at;
}

TEST(RefSinCos, NearMultiplesOfHalfPi) {
  FpScope fp;
  for (int n = 1; n < 10000000; n += 977) {
    const float x = static_cast<float>(n * 1.57079632679489661923L);
    float s, c;
    RefSinCos(x, &s, &c);
    EXPECT_LE(FloatUlps(s, std::sin(static_cast<long double>(x))), 0.5 + 1e-6) << x;
    EXPECT_LE(FloatUlps(c, std::cos(static_cast<long double>(x))), 0.5 + 1e-6) << x;
  }
}

TEST(RefSinCos, BitsArePinned) {
  FpScope fp;
  BitsHash hash;
  for (float frequency : {1.0f, 0.5f, 0.0031622776f, 1e-5f, 2.5e-7f}) {
    for (int position = 0; position < 1 << 24; position += 1009) {
      float s, c;
      RefSinCos(static_cast<float>(position) * frequency, &s, &c);
      hash.Add(s);
      hash.Add(c);
    }
  }
  EXPECT_EQ(hash.value(), 0x73c22d5e9288d7a7u);
}

TEST(RefDouble, ExactValues) {
  FpScope fp;
  EXPECT_EQ(RefLog(1.0), 0.0);
  EXPECT_EQ(RefExpDouble(0.0), 1.0);
  EXPECT_EQ(RefExpDouble(-std::numeric_limits<double>::infinity()), 0.0);
  EXPECT_EQ(RefExpDouble(std::numeric_limits<double>::infinity()), std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(RefExpDouble(std::numeric_limits<double>::quiet_NaN())));
  EXPECT_EQ(RefPow(10000.0, 0.0), 1.0);
  EXPECT_EQ(RefPow(1.0, 0.37), 1.0);
  EXPECT_EQ(RefPow(2.0, 10.0), 1024.0);
  EXPECT_EQ(RefPow(10000.0, 0.5), 100.0);
}

TEST(RefDouble, WithinAboutOneUlp) {
  FpScope fp;
  Random random(lacuna::testing::TestSeed(12));
  double exp_worst = 0, log_worst = 0, pow_worst = 0;
  const auto uniform = [&random](double low, double high) {
    return low + (high - low) * static_cast<double>(random() >> 11) * 0x1p-53;
  };
  for (int i = 0; i < 200000; ++i) {
    const double x = uniform(-700, 700);
    exp_worst = std::max(exp_worst, DoubleUlps(RefExpDouble(x), std::exp(static_cast<long double>(x))));
    // Near 1, where log cancels, and over the whole range.
    const double y = i % 2 == 0 ? 1 + uniform(-0.5, 0.5) * std::ldexp(1.0, -lacuna::testing::IntIn(random, 0, 40))
                                : std::ldexp(uniform(1, 2), lacuna::testing::IntIn(random, -1000, 1000));
    if (y != 1) log_worst = std::max(log_worst, DoubleUlps(RefLog(y), std::log(static_cast<long double>(y))));
    const double base = uniform(1, 2e6), exponent = uniform(-40, 40);
    pow_worst = std::max(pow_worst, DoubleUlps(RefPow(base, exponent), std::pow(static_cast<long double>(base),
                                                                                static_cast<long double>(exponent))));
  }
  EXPECT_LE(exp_worst, 1.5);
  EXPECT_LE(log_worst, 1.0);
  EXPECT_LE(pow_worst, 1.5);
}

TEST(RefDouble, BitsArePinned) {
  FpScope fp;
  BitsHash hash;
  for (double theta : {1e4, 5e5, 1e6, 5e7}) {
    for (int dim : {32, 48, 64, 96, 128, 256}) {
      for (int i = 0; i < dim; i += 2) hash.Add(RefPow(theta, -static_cast<double>(i) / dim));
    }
  }
  for (int i = 1; i < 20000; ++i) {
    hash.Add(RefLog(i * 0.37));
    hash.Add(RefExpDouble((i - 10000) * 0.061));
  }
  EXPECT_EQ(hash.value(), 0x69dd663231ca0b1bu);
}

}  // namespace
}  // namespace lacuna::kernels
