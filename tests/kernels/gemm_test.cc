// The tile of matrix products of every tier against the reference, bit for bit, between guard pages.
#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/cpu_features.h"
#include "base/fp_scope.h"
#include "tests/support/data.h"
#include "tests/support/guard.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

struct Tiled {
  const char* name;
  Tier tier;
  GemmTileFn run;
};
constexpr Tiled kTiles[] = {{"simd", Tier::kSimd, SimdGemmTile}, {"avx512", Tier::kAvx512, Avx512GemmTile}};

// Values over 40 binades, so that the order of a sum and an unfused product show.
std::vector<float> Wide(int64_t n, Random& random) {
  std::vector<float> x = UniformFloats(static_cast<std::size_t>(n), -1, 1, random);
  for (float& v : x) v = std::ldexp(v, IntIn(random, -20, 20));
  return x;
}

TEST(GemmTile, EveryTierEqualsTheReference) {
  const FpScope fp;
  const uint64_t seed = TestSeed(71);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<float> a_guard(300 * kGemmM), b_guard(300 * kGemmN), c_guard(kGemmM * 50);
  for (const Tiled& tile : kTiles) {
    if (!HasTier(HostCpuFeatures(), tile.tier)) continue;
    for (int k : {0, 1, 2, 3, 31, 32, 256, 300}) {
      for (float sign : {1.0f, -1.0f}) {
        for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
          SCOPED_TRACE(std::string(tile.name) + " k " + std::to_string(k));
          const int stride = IntIn(random, kGemmN, 50);
          const std::size_t size = static_cast<std::size_t>((kGemmM - 1) * stride + kGemmN);
          const auto a = a_guard.Copy(Wide(k * kGemmM, random), side), b = b_guard.Copy(Wide(k * kGemmN, random), side);
          std::vector<float> want = Wide(static_cast<int64_t>(size), random);
          const auto got = c_guard.Copy(want, side);
          RefGemmTile(a.data(), b.data(), k, sign, want.data(), stride);
          tile.run(a.data(), b.data(), k, sign, got.data(), stride);
          EXPECT_TRUE(SameBits(got, want));
        }
      }
    }
  }
}

// The reference itself: within n * eps of the double-precision product.
TEST(GemmTile, TheReferenceIsAProduct) {
  const FpScope fp;
  Random random(TestSeed(72));
  const int k = 77;
  const std::vector<float> a = Wide(k * kGemmM, random), b = Wide(k * kGemmN, random),
                           c = Wide(kGemmM * kGemmN, random);
  std::vector<float> got = c;
  RefGemmTile(a.data(), b.data(), k, -1, got.data(), kGemmN);
  for (int i = 0; i < kGemmM; ++i) {
    for (int j = 0; j < kGemmN; ++j) {
      double want = c[static_cast<std::size_t>(i * kGemmN + j)], terms = std::fabs(want);
      for (int t = 0; t < k; ++t) {
        const double product =
            double{a[static_cast<std::size_t>(t * kGemmM + i)]} * b[static_cast<std::size_t>(t * kGemmN + j)];
        want -= product;
        terms += std::fabs(product);
      }
      EXPECT_NEAR(got[static_cast<std::size_t>(i * kGemmN + j)], want, (k + 1) * 0x1p-24 * terms);
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
