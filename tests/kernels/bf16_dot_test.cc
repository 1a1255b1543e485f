// The naive dot against the reference, and the planted mutants: each mistake must change a bit somewhere in the data.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/naive_dot.h"
#include "tests/support/oracle.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

constexpr int kM = 3, kN = 37;

std::vector<float> RefLinear(const LinearData& data, int m, int n, int k, int k_segment) {
  const int k_padded = RoundUp(k, 32), panels = (n + 15) / 16;
  const std::vector<bf16> x = PadRows(data.x, m, k, k_padded), w = PackPanels(data.w, n, k);
  std::vector<float> padded(static_cast<std::size_t>(m) * panels * 16), y;
  RefLinearBf16({.x = x.data(),
                 .x_stride = k_padded,
                 .w = w.data(),
                 .y = padded.data(),
                 .y_stride = panels * 16,
                 .m = m,
                 .k_padded = k_padded,
                 .k_segment = k_segment,
                 .panel_begin = 0,
                 .panel_end = panels});
  for (int row = 0; row < m; ++row) {
    y.insert(y.end(), padded.begin() + row * panels * 16, padded.begin() + row * panels * 16 + n);
  }
  return y;
}

TEST(Bf16Dot, RefEqualsNaive) {
  FpScope fp;
  const uint64_t seed = TestSeed(1);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (DataKind kind : kAllDataKinds) {
    for (int k : {1, 2, 31, 32, 33, 64, 95, 128, 250, 1000, 1100}) {
      for (int k_segment : {0, 128, 1024}) {
        const LinearData data = MakeLinearData(kind, kM, kN, k, random);
        EXPECT_TRUE(SameBits(RefLinear(data, kM, kN, k, k_segment), NaiveLinear(data, kM, kN, k, k_segment)))
            << Name(kind) << " k " << k << " segment " << k_segment;
      }
    }
  }
}

TEST(Bf16Dot, EveryMutantIsSeen) {
  FpScope fp;
  const uint64_t seed = TestSeed(2);
  SCOPED_TRACE(SeedText(seed));
  const int k = 500, k_segment = 128;
  for (DotMutant mutant : kDotMutants) {
    int seen = 0;
    Random random(seed);
    for (DataKind kind : kAllDataKinds) {
      const LinearData data = MakeLinearData(kind, kM, kN, k, random);
      const bool same = static_cast<bool>(
          SameBits(NaiveLinear(data, kM, kN, k, k_segment, mutant), RefLinear(data, kM, kN, k, k_segment)));
      seen += !same;
      EXPECT_TRUE(same || kind != DataKind::kIntegers) << "integers are exact in any order: " << Name(mutant);
    }
    EXPECT_GE(seen, 1) << Name(mutant) << " was not told apart";
  }
}

TEST(Bf16Dot, DataReachesTheExtremes) {
  FpScope fp;
  Random random(TestSeed(3));
  const auto count = [&random](DataKind kind, auto predicate) {
    const std::vector<float> y = NaiveLinear(MakeLinearData(kind, 4, 64, 24, random), 4, 64, 24, 0);
    return std::count_if(y.begin(), y.end(), predicate);
  };
  EXPECT_GT(count(DataKind::kTiny, [](float v) { return v == 0; }), 0);
  EXPECT_GT(count(DataKind::kTiny, [](float v) { return v != 0; }), 0);
  EXPECT_GT(count(DataKind::kHuge, [](float v) { return std::isfinite(v); }), 0);
  EXPECT_GT(count(DataKind::kHuge, [](float v) { return std::isinf(v); }), 0);
  EXPECT_GT(count(DataKind::kHuge, [](float v) { return std::isnan(v); }), 0);
}

TEST(Bf16Dot, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(4);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (DataKind kind : kFiniteDataKinds) {
    for (int k : {1, 33, 250, 2048}) {
      for (int k_segment : {0, 1024}) {
        const LinearData data = MakeLinearData(kind, kM, kN, k, random);
        const std::vector<float> y = RefLinear(data, kM, kN, k, k_segment);
        const std::vector<float> x = ToFloats(data.x), w = ToFloats(data.w);
        for (int i = 0; i < kM * kN; ++i) {
          // Denormal inputs count as zero: at most 2^-126 times the other factor, below 4 in the tiny data.
          const Bounded want = OracleDot(std::span(x).subspan(i / kN * k, k), std::span(w).subspan(i % kN * k, k),
                                         Bf16DotRoundings(k, k_segment));
          EXPECT_LE(std::abs(y[i] - want.value), want.bound + k * 0x1p-124) << Name(kind) << " k " << k;
        }
      }
    }
  }
}

TEST(SameBits, FoldsZerosAndNans) {
  EXPECT_TRUE(SameBits(0.0f, -0.0f));
  EXPECT_TRUE(SameBits(FloatFromBits(0x7fc00000u), FloatFromBits(0xff800001u)));
  EXPECT_FALSE(SameBits(0.0f, FloatFromBits(1)));
  EXPECT_FALSE(SameBits(1.0f, FloatFromBits(FloatBits(1.0f) + 1)));
  EXPECT_FALSE(SameBits(FloatFromBits(0x7f800000u), FloatFromBits(0x7fc00000u)));
}

}  // namespace
}  // namespace lacuna::kernels
