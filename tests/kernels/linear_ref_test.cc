// The reference's linear kernels: every tail between guard pages, panel ranges, rows that do not see each other, and
// the f32 kernel against a plain chain and its oracle.
#include <gtest/gtest.h>

#include <cmath>

#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/guard.h"
#include "tests/support/naive_dot.h"
#include "tests/support/oracle.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

constexpr int kMaxM = 5, kMaxN = 40, kMaxK = 100;

TEST(RefLinearBf16, StaysInsideOverAllTails) {
  FpScope fp;
  const uint64_t seed = TestSeed(21);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<bf16> x_guard(kMaxM * 128), w_guard(48 * 128);
  Guarded<float> y_guard(kMaxM * 48);
  for (int k = 1; k <= kMaxK; ++k) {
    const int k_padded = RoundUp(k, 32);
    const LinearData data = MakeLinearData(kAllDataKinds[k % 5], kMaxM, kMaxN, k, random);
    const std::vector<float> want = NaiveLinear(data, kMaxM, kMaxN, k, 0);
    for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
      for (int n = 1; n <= kMaxN; ++n) {
        const int panels = (n + 15) / 16;
        const std::span<const bf16> w = w_guard.Copy(PackPanels(std::span(data.w).first(n * k), n, k), side);
        for (int m = 1; m <= kMaxM; ++m) {
          const std::span<const bf16> x = x_guard.Copy(PadRows(data.x, m, k, k_padded), side);
          const std::span<float> y = y_guard.Place(m * panels * 16, side);
          RefLinearBf16({.x = x.data(),
                         .x_stride = k_padded,
                         .w = w.data(),
                         .y = y.data(),
                         .y_stride = panels * 16,
                         .m = m,
                         .k_padded = k_padded,
                         .k_segment = 0,
                         .panel_begin = 0,
                         .panel_end = panels});
          for (int i = 0; i < m; ++i) {
            ASSERT_TRUE(SameBits(y.subspan(i * panels * 16, n), std::span(want).subspan(i * kMaxN, n)))
                << "m " << m << " n " << n << " k " << k;
          }
        }
      }
    }
  }
}

TEST(RefLinearF32, StaysInsideOverAllTails) {
  FpScope fp;
  const uint64_t seed = TestSeed(22);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<float> x_guard(kMaxM * kMaxK), w_guard(48 * kMaxK), y_guard(kMaxM * 48);
  for (int k = 1; k <= kMaxK; ++k) {
    const std::vector<float> x_data = UniformFloats(kMaxM * k, -2, 2, random);
    const std::vector<float> w_data = UniformFloats(kMaxN * k, -2, 2, random);
    std::vector<float> want(kMaxM * kMaxN);
    for (int i = 0; i < kMaxM * kMaxN; ++i) {
      float sum = 0;
      for (int j = 0; j < k; ++j) sum = std::fma(x_data[i / kMaxN * k + j], w_data[i % kMaxN * k + j], sum);
      want[i] = sum;
    }
    for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
      for (int n = 1; n <= kMaxN; ++n) {
        const int panels = (n + 15) / 16;
        const std::span<const float> w = w_guard.Copy(PackPanels(std::span(w_data).first(n * k), n, k), side);
        for (int m = 1; m <= kMaxM; ++m) {
          const std::span<const float> x = x_guard.Copy(std::span(x_data).first(m * k), side);
          const std::span<float> y = y_guard.Place(m * panels * 16, side);
          RefLinearF32({.x = x.data(),
                        .x_stride = k,
                        .w = w.data(),
                        .y = y.data(),
                        .y_stride = panels * 16,
                        .m = m,
                        .k = k,
                        .panel_begin = 0,
                        .panel_end = panels});
          for (int i = 0; i < m; ++i) {
            ASSERT_TRUE(SameBits(y.subspan(i * panels * 16, n), std::span(want).subspan(i * kMaxN, n)))
                << "m " << m << " n " << n << " k " << k;
          }
        }
      }
    }
  }
}

// A row's result does not depend on M, on its place, or on how panels are cut into ranges.
TEST(RefLinearBf16, RowsAndPanelRangesAreIndependent) {
  FpScope fp;
  Random random(TestSeed(23));
  const int m = 70, n = 80, k = 1500, k_padded = RoundUp(k, 32), panels = 5;
  for (int k_segment : {0, 1024}) {
    const LinearData data = MakeLinearData(DataKind::kWide, m, n, k, random);
    const std::vector<bf16> x = PadRows(data.x, m, k, k_padded), w = PackPanels(data.w, n, k);
    LinearBf16Args args{.x = x.data(),
                        .x_stride = k_padded,
                        .w = w.data(),
                        .y = nullptr,
                        .y_stride = n,
                        .m = m,
                        .k_padded = k_padded,
                        .k_segment = k_segment,
                        .panel_begin = 0,
                        .panel_end = panels};
    std::vector<float> all(m * n), parts(m * n);
    args.y = all.data();
    RefLinearBf16(args);
    for (int row = m - 1; row >= 0; --row) {
      for (int panel = 0; panel < panels; panel += 2) {
        LinearBf16Args part = args;
        part.x = x.data() + row * k_padded;
        part.m = 1;
        part.panel_begin = panel;
        part.panel_end = std::min(panels, panel + 2);
        part.y = parts.data() + row * n + panel * 16;
        RefLinearBf16(part);
      }
    }
    EXPECT_TRUE(SameBits(parts, all)) << "segment " << k_segment;
  }
}

TEST(RefLinearF32, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(24);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const int m = 3, n = 32, k = 2000;
  const std::vector<float> x = UniformFloats(m * k, -2, 2, random), w = UniformFloats(n * k, -2, 2, random);
  const std::vector<float> packed = PackPanels(w, n, k);
  std::vector<float> y(m * n);
  RefLinearF32({.x = x.data(),
                .x_stride = k,
                .w = packed.data(),
                .y = y.data(),
                .y_stride = n,
                .m = m,
                .k = k,
                .panel_begin = 0,
                .panel_end = n / 16});
  for (int i = 0; i < m * n; ++i) {
    const Bounded want =
        OracleDot(std::span(x).subspan(i / n * k, k), std::span(w).subspan(i % n * k, k), ChainRoundings(k));
    EXPECT_LE(std::abs(y[i] - want.value), want.bound);
  }
}

TEST(RefToBf16, RoundsAndPads) {
  FpScope fp;
  Guarded<float> x_guard(100);
  Guarded<bf16> y_guard(128);
  Random random(TestSeed(25));
  for (int k = 1; k <= 100; ++k) {
    const std::vector<float> data = UniformFloats(k, -3, 3, random);
    for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
      const std::span<const float> x = x_guard.Copy(data, side);
      const std::span<bf16> y = y_guard.Place(RoundUp(k, 32), side);
      for (bf16& v : y) v.bits = 0xffff;
      RefToBf16(x.data(), k, RoundUp(k, 32), y.data());
      for (int i = 0; i < RoundUp(k, 32); ++i) ASSERT_EQ(y[i].bits, i < k ? ToBf16(x[i]).bits : 0) << i;
    }
  }
  // To nearest even, denormals to zero, overflow to Inf, NaN quiet.
  const float special[] = {FloatFromBits(0x3f808000), FloatFromBits(0x3f818000), FloatFromBits(0x007fffff),
                           FloatFromBits(0x7f7fffff), FloatFromBits(0xff800001), -0.0f};
  const uint16_t want[] = {0x3f80, 0x3f82, 0x0000, 0x7f80, 0xffc0, 0x8000};
  bf16 got[32];
  RefToBf16(special, 6, 32, got);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(got[i].bits, want[i]) << i;
}

}  // namespace
}  // namespace lacuna::kernels
