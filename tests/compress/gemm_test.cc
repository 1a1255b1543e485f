// Matrix products of compression: the order of sums that compress/gemm.h promises, whatever the tile, tier or threads.
#include "compress/gemm.h"

#include <gtest/gtest.h>
#include <oneapi/tbb/task_arena.h>

#include <cmath>

#include "backend/cpu/gemm.h"
#include "base/fp_scope.h"
#include "tests/support/data.h"
#include "tests/support/same_bits.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

std::vector<float> Wide(int64_t n, Random& random) {
  std::vector<float> x = UniformFloats(static_cast<std::size_t>(n), -1, 1, random);
  for (float& v : x) v = std::ldexp(v, IntIn(random, -12, 12));
  return x;
}

// By the words of the header, one element at a time.
std::vector<float> Plain(const GemmArgs& g) {
  std::vector<float> out(static_cast<std::size_t>(g.m * g.n));
  for (int64_t i = 0; i < g.m; ++i) {
    for (int64_t j = 0; j < g.n; ++j) {
      float c = g.c.Row(i)[j];
      for (int64_t k0 = 0; k0 < g.k; k0 += kGemmBlockK) {
        float sum = 0;
        for (int64_t t = k0; t < std::min(g.k, k0 + kGemmBlockK); ++t) {
          sum = std::fma(g.a_by_rows ? g.a.Row(i)[t] : g.a.Row(t)[i], g.b.Row(t)[j], sum);
        }
        c = c + g.sign * sum;
      }
      out[static_cast<std::size_t>(i * g.n + j)] = c;
    }
  }
  return out;
}

TEST(Gemm, KeepsItsOrderOfSumsInEveryShapeTierAndThreadCount) {
  const uint64_t seed = TestSeed(73);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const struct {
    int64_t m, n, k;
  } shapes[] = {{1, 1, 1}, {12, 32, 256}, {13, 33, 257}, {5, 300, 70}, {250, 310, 300}, {40, 7, 600}, {3, 2, 0}};
  for (const auto& shape : shapes) {
    for (bool by_rows : {false, true}) {
      SCOPED_TRACE(std::to_string(shape.m) + " x " + std::to_string(shape.n) + " x " + std::to_string(shape.k));
      const int64_t a_columns = (by_rows ? shape.k : shape.m) + 3, c_columns = shape.n + 5;
      const std::vector<float> a = Wide((by_rows ? shape.m : shape.k) * a_columns + 1, random);
      const std::vector<float> b = Wide(shape.k * shape.n + 1, random), c = Wide(shape.m * c_columns, random);
      std::vector<float> got = c;
      GemmArgs args{.a = {a.data(), a_columns},
                    .b = {b.data(), shape.n},
                    .c = {got.data(), c_columns},
                    .m = shape.m,
                    .n = shape.n,
                    .k = shape.k,
                    .sign = by_rows ? -1.0f : 1.0f,
                    .a_by_rows = by_rows};
      std::vector<float> want = c;
      {
        const FpScope fp;
        const std::vector<float> plain = Plain(args);
        for (int64_t i = 0; i < shape.m; ++i) {
          std::copy_n(plain.data() + i * shape.n, shape.n, want.data() + i * c_columns);
        }
      }
      for (Tier tier : {Tier::kRef, Tier::kSimd, Tier::kAvx512}) {
        if (!HasTier(HostCpuFeatures(), tier)) continue;
        got = c;
        {
          const FpScope fp;
          GemmAdd(GemmTileFor(tier), args);
        }
        EXPECT_TRUE(SameBits(got, want)) << TierName(tier);
        for (int threads : {1, 3}) {
          got = c;
          tbb::task_arena arena(threads);
          arena.execute([&] { GemmAddParallel(GemmTileFor(tier), args); });
          EXPECT_TRUE(SameBits(got, want)) << TierName(tier) << ", " << threads << " threads";
        }
      }
    }
  }
}

TEST(Gemm, UpperComputesTheUpperTriangle) {
  Random random(TestSeed(74));
  const int64_t k = 500, tokens = 90;
  const std::vector<float> x = Wide(tokens * k, random);
  std::vector<float> all(static_cast<std::size_t>(k * k)), upper = all;
  GemmArgs args{.a = {x.data(), k}, .b = {x.data(), k}, .c = {all.data(), k}, .m = k, .n = k, .k = tokens};
  GemmAddParallel(GemmTileFor(Tier::kSimd), args);
  args.c.data = upper.data();
  GemmAddParallel(GemmTileFor(Tier::kSimd), args, true);
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = i; j < k; ++j) {
      ASSERT_EQ(upper[static_cast<std::size_t>(i * k + j)], all[static_cast<std::size_t>(i * k + j)]) << i << ", " << j;
    }
  }
}

}  // namespace
}  // namespace lacuna
