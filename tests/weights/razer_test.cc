// RaZeR: the arithmetic by its definition alone, the choice of scale and codebook, and that no group is farther from
// its weights than in fp4.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/f16.h"
#include "base/fp_scope.h"
#include "base/small_float.h"
#include "compress/solve.h"
#include "kernels/ref/ref.h"
#include "tests/support/data.h"
#include "tests/support/naive_packed.h"
#include "tests/support/packed_cases.h"
#include "weights/pack.h"
#include "weights/quantize.h"
#include "weights/random_packed.h"
#include "weights/razer_scale.h"
#include "weights/validate_packed.h"

namespace lacuna {
namespace {

using namespace testing;

// E2M1 by its bits as the OCP specification has it, but for the -0, which is the group's special value.
double E2M1OrSpecial(int code, double special) {
  const int sign = code >> 3, exponent = code >> 1 & 3, mantissa = code & 1;
  if (code == 8) return special;
  const double size = exponent == 0 ? 0.5 * mantissa : (1 + 0.5 * mantissa) * std::ldexp(1.0, exponent - 1);
  return sign != 0 ? -size : size;
}

// One panel, all weights stored: the code of channel c at k is in byte 64 (row % 8) + 4 c + k % 4 of its tile of 64 k,
// row = k % 64 / 4, low nibble for rows 0-7. A group's special value is 5 or 8 by bit 0 of its scale, negative with it.
TEST(Razer, DotsByTheDefinition) {
  const FpScope fp;
  Random random(TestSeed(81));
  for (const bool half : {true, false}) {
    Codec codec = *ParseCodec("razer");
    SetGroup(32, &codec);
    codec.scales_f16 = half;
    const int k = 256;
    const PackedWeight weight = *RandomPacked("w", 16, k, codec, {.seed = random()});
    const auto* codes = reinterpret_cast<const uint8_t*>(weight.stream(Stream::kValues).data());
    const std::byte* scales = weight.stream(Stream::kScales).data();
    std::vector<float> x(k);
    for (float& v : x) v = static_cast<float>(IntIn(random, -127, 127));  // rounded to int8 without loss
    for (int g = 0; g < k; g += 128) x[static_cast<std::size_t>(g + 5)] = 127;
    const PackedInput input(x, 1, weight, kernels::LinearInput::kInt8Rows, 1);
    std::vector<float> y(16), row(k);
    kernels::LinearPackedArgs args{
        .w = &weight.view, .y = y.data(), .y_stride = 16, .k_begin = 0, .k_end = k, .panel_begin = 0, .panel_end = 1};
    input.Set(&args);
    kernels::RefLinearPackedInt8(args);
    int seen[2][2] = {{0, 0}, {0, 0}};
    for (int c = 0; c < 16; ++c) {
      kernels::RefExpandChannel(&weight.view, c, k, row.data());
      double sum = 0, size = 0;
      for (int j = 0; j < k; ++j) {
        const int at = j / 32 * 16 + c, tile_row = j % 64 / 4;
        uint32_t bits = 0;
        std::memcpy(&bits, scales + at * (half ? 2 : 4), half ? 2 : 4);
        const double scale = half ? F16ToFloat(static_cast<uint16_t>(bits)) : FloatFromBits(bits);
        const uint8_t byte = codes[j / 64 * 512 + tile_row % 8 * 64 + c * 4 + j % 4];
        const int code = tile_row < 8 ? byte & 15 : byte >> 4;
        const double special = std::copysign((bits & 1) != 0 ? 8 : 5, scale);
        // The codebook of the group, whose step of 0.5 is one |scale|; a negative scale turns the other codes' signs.
        const double size_of_half = std::abs(scale) * 2;
        const double value = code == 8 ? special : std::copysign(1.0, scale) * E2M1OrSpecial(code, 0);
        const double w = size_of_half * value;
        if (code == 8) ++seen[bits & 1][scale < 0];
        EXPECT_EQ(row[static_cast<std::size_t>(j)], static_cast<float>(w)) << c << ", " << j;
        sum += w * x[static_cast<std::size_t>(j)];
        size += std::abs(w * x[static_cast<std::size_t>(j)]);
      }
      EXPECT_NEAR(y[static_cast<std::size_t>(c)], sum, size * 0x1p-22) << c;
    }
    for (const auto& book : seen) {
      for (int n : book) EXPECT_GT(n, 20);
    }
  }
}

uint32_t StoredBits(float s, bool half) { return half ? FloatToF16(s) : FloatBits(s); }

double SquaredError(const Quantizer& quantizer, const GroupScale& scale, const std::vector<float>& w,
                    const std::vector<float>& importance) {
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    const double error = double{w[i]} - quantizer.Real(quantizer.Value(w[i], scale), scale);
    sum += (importance.empty() ? 1.0 : double{importance[i]}) * error * error;
  }
  return sum;
}

// Groups that are uniform, bell-shaped, or have outliers, of any size.
std::vector<float> Group(int size, Random& random) {
  std::vector<float> w(static_cast<std::size_t>(size));
  const float spread = std::ldexp(1.0f, IntIn(random, -12, 3));
  const int kind = IntIn(random, 0, 3);
  for (float& v : w) {
    v = 0;
    for (int i = 0; i < (kind == 0 ? 1 : 4); ++i) v += UniformIn(random, -spread, spread);
    if (kind == 2 && IntIn(random, 0, 40) == 0) v *= 3;
    if (kind == 3 && v > 0) v *= 0.4f;
  }
  return w;
}

TEST(Razer, NoGroupIsWorseThanInFp4) {
  const FpScope fp;
  const uint64_t seed = TestSeed(82);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (const bool half : {true, false}) {
    Codec codec = *ParseCodec("razer"), plain = *ParseCodec("fp4");
    codec.scales_f16 = plain.scales_f16 = half;
    const Quantizer razer(codec), fp4(plain);
    double all = 0, all_fp4 = 0;
    int books[2][2] = {{0, 0}, {0, 0}};
    for (int i = 0; i < 400; ++i) {
      const std::vector<float> w = Group(IntIn(random, 1, 140), random);
      std::vector<float> importance;
      for (std::size_t j = 0; i % 2 != 0 && j < w.size(); ++j) importance.push_back(UniformIn(random, 0.1f, 4));
      const GroupScale ours = SearchScale(razer, w, importance, true), theirs = SearchScale(fp4, w, importance, true);
      EXPECT_EQ(static_cast<int>(StoredBits(ours.s, half) & 1), ours.book);
      if (half) {
        EXPECT_EQ(F16ToFloat(FloatToF16(ours.s)), ours.s);
      }
      ++books[ours.book][ours.s < 0];
      const double error = SquaredError(razer, ours, w, importance);
      const double fp4_error = SquaredError(fp4, theirs, w, importance);
      // Quotients are float32, so that errors below 2^-24 of a weight are none.
      double energy = 0;
      for (std::size_t j = 0; j < w.size(); ++j) energy += 4.0 * w[j] * w[j];
      EXPECT_LE(error, fp4_error * (1 + 1e-5) + energy * 0x1p-44) << i << ": " << w.size();
      all += error;
      all_fp4 += fp4_error;
    }
    EXPECT_LT(all, 0.9 * all_fp4);
    for (const auto& book : books) {
      for (int n : book) EXPECT_GT(n, 20);
    }
  }
}

// As files hold them, group by group.
TEST(Razer, NoPackedGroupIsWorseThanInFp4) {
  const FpScope fp;
  Random random(TestSeed(83));
  const int n = 30, k = 300;
  std::vector<float> w;
  for (int i = 0; i < n * k; ++i) w.push_back(UniformIn(random, -0.05f, 0.05f) * UniformIn(random, 0, 1));
  const SourceMatrix source{.name = "w", .data = reinterpret_cast<const std::byte*>(w.data()), .n = n, .k = k};
  const auto errors = [&](const char* name, int group) {
    Codec codec = *ParseCodec(name);
    SetGroup(group, &codec);
    PackedWeight packed = *PackMatrix(source, codec);
    EXPECT_TRUE(ValidatePacked("here", &packed).ok());
    const NaivePacked got = Unpack(packed);
    std::vector<double> sums(static_cast<std::size_t>(n * got.groups));
    for (int c = 0; c < n; ++c) {
      for (int j = 0; j < k; ++j) {
        const auto at = static_cast<std::size_t>(c * got.groups + j / got.group);
        const double real = double{got.value[static_cast<std::size_t>(c * got.k_padded + j)]} * got.scale[at];
        sums[at] += (real - w[static_cast<std::size_t>(c * k + j)]) * (real - w[static_cast<std::size_t>(c * k + j)]);
      }
    }
    return sums;
  };
  for (int group : {0, 32, 64, 128}) {
    for (const bool bitmap : {false, true}) {
      const auto razer = errors(bitmap ? "bitmap-razer" : "razer", group), fp4 = errors("fp4", group);
      ASSERT_EQ(razer.size(), fp4.size());
      for (std::size_t i = 0; i < razer.size(); ++i) EXPECT_LE(razer[i], fp4[i] * (1 + 1e-5)) << group << ": " << i;
    }
  }
}

// Weights that are a codebook's entries times a scale come back, the special value among them.
TEST(Razer, EachCodebookIsFound) {
  const FpScope fp;
  for (const double special : {5.0, 8.0, -5.0, -8.0}) {
    for (const float scale : {0.25f, 0.0371f, 9.1e-5f}) {
      std::vector<float> w;
      for (int code = 0; code < 16; ++code) {
        for (int i = 0; i < 3; ++i) w.push_back(2 * scale * static_cast<float>(E2M1OrSpecial(code, special)));
      }
      const RazerScale got = FindRazerScale(w, {}, true);
      EXPECT_EQ(got.book, std::abs(special) == 8);
      EXPECT_EQ(got.s < 0, special < 0);
      EXPECT_NEAR(std::abs(got.s), scale, scale * 0x1p-9);
      const Quantizer quantizer(*ParseCodec("razer"));
      const GroupScale group{.s = got.s, .book = got.book};
      for (float x : w) EXPECT_NEAR(quantizer.Real(quantizer.Value(x, group), group), x, std::abs(x) * 0x1p-8);
    }
  }
}

TEST(Razer, NothingTinyAndHuge) {
  const FpScope fp;
  EXPECT_EQ(FindRazerScale({}, {}, true).s, 0);
  const std::vector<float> zeros(40), tiny(40, 1e-9f), small(40, 4e-6f), huge(40, 1e7f), huge_of_f16(40, 780000);
  EXPECT_EQ(FindRazerScale(zeros, {}, true).s, 0);
  EXPECT_EQ(FindRazerScale(tiny, {}, true).s, 0);
  const RazerScale got = FindRazerScale(small, {}, true);  // F16's smallest numbers
  EXPECT_EQ(static_cast<int>(FloatToF16(got.s) & 1), got.book);
  EXPECT_NE(got.s, 0);
  EXPECT_FALSE(std::isfinite(FindRazerScale(huge, {}, true).s));
  EXPECT_TRUE(std::isfinite(FindRazerScale(huge, {}, false).s));
  EXPECT_TRUE(std::isfinite(FindRazerScale(huge_of_f16, {}, true).s));
  const std::vector<float> without_weight(40);
  EXPECT_TRUE(std::isfinite(FindRazerScale(small, without_weight, true).s));
}

std::string Refusal(std::size_t at, int value) {
  PackedWeight weight = *RandomPacked("w", 20, 100, *ParseCodec("razer"), {.seed = 4});
  EXPECT_TRUE(ValidatePacked("here", &weight).ok());
  const_cast<std::byte*>(weight.stream(Stream::kCodebook).data())[at] = static_cast<std::byte>(value);
  return ValidatePacked("here", &weight).message();
}

TEST(Razer, OtherCodebooksAreRefused) {
  EXPECT_NE(Refusal(3, 128 + 5).find("E2M1's value as entry 3"), std::string::npos);
  EXPECT_NE(Refusal(16, 128 + 1).find("E2M1's value as entry 16"), std::string::npos);
  EXPECT_NE(Refusal(8, 128 + 16).find("RaZeR's special value as entry 8"), std::string::npos);
  EXPECT_NE(Refusal(24, 128 + 14).find("RaZeR's special value as entry 24"), std::string::npos);
}

}  // namespace
}  // namespace lacuna
