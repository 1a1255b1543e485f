// fp4, mxfp4 and nvfp4 as packed: every scale is one that its format has, every code the nearest by a search over all
// values that the definition gives, and files that claim otherwise are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/fp_scope.h"
#include "base/small_float.h"
#include "tests/support/naive_packed.h"
#include "weights/pack.h"
#include "weights/quantize.h"
#include "weights/random_packed.h"
#include "weights/validate_packed.h"

namespace lacuna {
namespace {

using namespace testing;

constexpr double kValues[] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};  // E2M1 without sign

// The nearest of them; of two as near, the one whose mantissa bit is 0: 0, 1, 2, 4.
double Nearest(double v) {
  double best = INFINITY;
  for (double candidate : {0.0, 1.0, 2.0, 4.0, 0.5, 1.5, 3.0, 6.0}) {
    if (std::abs(candidate - std::abs(v)) < std::abs(best - std::abs(v))) best = candidate;
  }
  return v < 0 ? -best : best;
}

std::vector<float> Weights(int n, int k, Random& random) {
  std::vector<float> w(static_cast<std::size_t>(n * k));
  for (int i = 0; i < n * k; ++i) {
    const float size = std::ldexp(0.01f, IntIn(random, 0, 5) * (i / k % 3));
    w[static_cast<std::size_t>(i)] = UniformIn(random, -size, size);
  }
  return w;
}

Result<PackedWeight> Pack(const std::vector<float>& w, int n, int k, const Codec& codec) {
  return PackMatrix({.name = "w", .data = reinterpret_cast<const std::byte*>(w.data()), .n = n, .k = k}, codec);
}

class SmallFloatCodec : public ::testing::TestWithParam<const char*> {};

TEST_P(SmallFloatCodec, ScalesAreTheFormatsAndCodesTheNearest) {
  const FpScope fp;
  const uint64_t seed = TestSeed(65);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const Codec codec = *ParseCodec(GetParam());
  const int n = 37, k = 200;
  const std::vector<float> w = Weights(n, k, random);
  const auto packed = Pack(w, n, k, codec);
  ASSERT_TRUE(packed.ok()) << packed.status().message();
  // A value is factor * E2M1 * scale.
  const NaivePacked got = Unpack(*packed);
  const double unit = ToFloat(packed->view.code_values[2]);  // E2M1's 1
  int exponent;
  EXPECT_EQ(std::frexp(unit, &exponent), 0.5);
  const double largest =
      std::abs(*std::max_element(w.begin(), w.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  if (codec.values == ValueKind::kNvfp4) {
    EXPECT_GT(largest / unit, 6 * 112);  // room for twice the largest, not for four times
    EXPECT_LE(largest / unit, 6 * 224);
  }
  for (int c = 0; c < n; ++c) {
    for (int begin = 0; begin < k; begin += codec.group) {
      const int end = std::min(k, begin + codec.group);
      double most = 0;
      for (int j = begin; j < end; ++j) most = std::max<double>(most, std::abs(w[static_cast<std::size_t>(c * k + j)]));
      const double stored = got.scale[static_cast<std::size_t>(c * got.groups + begin / codec.group)];
      const double scale = stored * unit;
      if (codec.values == ValueKind::kFp4) {
        EXPECT_NEAR(scale, most / 6, most * 0x1p-11);
      } else if (codec.values == ValueKind::kMxfp4) {
        EXPECT_EQ(std::frexp(scale, &exponent), 0.5);
        EXPECT_LE(most, 6 * scale);
        EXPECT_GT(most, 3 * scale);
      } else {
        EXPECT_EQ(E4M3ToFloat(FloatToE4M3(static_cast<float>(stored))), stored);
        EXPECT_NEAR(stored, most / (6 * unit), std::max(stored / 16, 0x1p-10));
      }
      for (int j = begin; j < end; ++j) {
        const double want = w[static_cast<std::size_t>(c * k + j)];
        const double value = got.value[static_cast<std::size_t>(c * got.k_padded + j)] / unit;
        // The division is in float32.
        const double v = static_cast<float>(want) / static_cast<float>(stored) / unit;
        ASSERT_EQ(value, Nearest(v)) << c << ", " << j << ": " << want << " / " << scale;
      }
    }
  }
}

TEST_P(SmallFloatCodec, TiesGoToTheEvenCodeAndZeroHasNoSign) {
  Quantizer quantizer(*ParseCodec(GetParam()));
  quantizer.SetLargest(6 * 224);  // 2^t is 1
  const float unit = ParseCodec(GetParam())->integer() ? 2 : 1;
  const GroupScale one{.s = 1};
  for (int i = 0; i < 7; ++i) {
    const auto middle = static_cast<float>((kValues[i] + kValues[i + 1]) / 2) * unit;
    const int even = i % 2 == 0 ? i : i + 1;
    EXPECT_EQ(quantizer.Value(middle, one), even);
    EXPECT_EQ(quantizer.Value(-middle, one), even == 0 ? 0 : even + 8);
    EXPECT_EQ(quantizer.Value(std::nextafter(middle, 100.0f), one), i + 1);
    EXPECT_EQ(quantizer.Value(std::nextafter(middle, 0.0f), one), i);
  }
  EXPECT_EQ(quantizer.Value(1e9f, one), 7);
  EXPECT_EQ(quantizer.Value(-1e9f, one), 15);
  EXPECT_EQ(quantizer.Value(-0.0f, one), 0);
  EXPECT_EQ(quantizer.ZeroValue(one), 0);
  for (int code = 0; code < 16; ++code) {
    EXPECT_EQ(quantizer.Real(code, {.s = 0.25f}), static_cast<float>(kE2M1[code]) * unit / 8);
  }
}

TEST_P(SmallFloatCodec, NothingAndTinyWeights) {
  const FpScope fp;
  for (float x : {0.0f, 1e-37f, 1e-12f}) {
    std::vector<float> w(64, x);
    w[40] = 0.001f;
    const auto packed = Pack(w, 1, 64, *ParseCodec(GetParam()));
    ASSERT_TRUE(packed.ok()) << packed.status().message();
    const NaivePacked got = Unpack(*packed);
    for (int j = 0; j < 64; ++j) {
      const float value = got.value[static_cast<std::size_t>(j)] * got.scale[static_cast<std::size_t>(j / got.group)];
      EXPECT_NEAR(value, w[static_cast<std::size_t>(j)], 0.0002);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SmallFloatCodec, ::testing::Values("fp4", "mxfp4", "nvfp4"));

// A packed weight with one byte of a stream replaced.
std::string Refusal(const char* name, Stream stream, std::size_t at, int value) {
  PackedWeight weight = *RandomPacked("w", 20, 100, *ParseCodec(name), {.seed = 4});
  EXPECT_TRUE(ValidatePacked("here", &weight).ok()) << name;
  auto* bytes = const_cast<std::byte*>(weight.stream(stream).data());
  bytes[at] = static_cast<std::byte>(value);
  return ValidatePacked("here", &weight).message();
}

TEST(SmallFloatCodecs, WhatTheFormatDoesNotHaveIsRefused) {
  EXPECT_NE(Refusal("fp4", Stream::kCodebook, 3, 128 + 5).find("E2M1's value as entry 3"), std::string::npos);
  EXPECT_NE(Refusal("mxfp4", Stream::kCodebook, 1, 128 + 2).find("E2M1's values times two"), std::string::npos);
  EXPECT_NE(Refusal("mxfp4", Stream::kScales, 4, 1).find("`scales` is no power of two at byte 4"), std::string::npos);
  EXPECT_NE(Refusal("nvfp4", Stream::kScales, 5, 0x7f).find("`scales` is no positive E4M3 at byte 5"),
            std::string::npos);
  EXPECT_NE(Refusal("nvfp4", Stream::kScales, 5, 0x90).find("`scales` is no positive E4M3 at byte 5"),
            std::string::npos);
  EXPECT_NE(Refusal("nvfp4", Stream::kCodebook, 2, 0x41).find("codebook"), std::string::npos);
}

}  // namespace
}  // namespace lacuna
