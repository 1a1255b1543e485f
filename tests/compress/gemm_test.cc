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
  } shapes[] = {{1, 1, 1},    {12, 32, 256}, {13, 33, 257},   {5, 300, 70},   {250, 310, 300},
                {40, 7, 600}, {3, 2, 0},     {200, 270, 530}, {31, 400, 1030}};  // several tiles, passes over k
  auto used = *GemmWorkspace::Create(250, 400, 600);
  for (const auto& shape : shapes) {
    auto fitting = *GemmWorkspace::Create(shape.m, shape.n, shape.k);
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
          // Of the size asked for, and a larger one whose panels hold what an earlier product left.
          for (GemmWorkspace* workspace : {&fitting, &used}) {
            got = c;
            tbb::task_arena arena(threads);
            arena.execute([&] { GemmAddParallel(GemmTileFor(tier), args, *workspace); });
            EXPECT_TRUE(SameBits(got, want)) << TierName(tier) << ", " << threads << " threads";
          }
        }
      }
    }
  }
}

TEST(Gemm, UpperComputesTheUpperTriangle) {
  Random random(TestSeed(74));
  for (int64_t k : {1, 31, 200, 500}) {
    SCOPED_TRACE(k);
    const int64_t tokens = 290, stride = PaddedStride(k);
    const std::vector<float> x = Wide(tokens * k, random);
    std::vector<float> all(static_cast<std::size_t>(k * stride)), upper = all;
    auto workspace = *GemmWorkspace::Create(k, k, tokens);
    GemmArgs args{.a = {x.data(), k}, .b = {x.data(), k}, .c = {all.data(), stride}, .m = k, .n = k, .k = tokens};
    GemmAddParallel(GemmTileFor(Tier::kSimd), args, workspace);
    args.c.data = upper.data();
    GemmAddParallel(GemmTileFor(Tier::kSimd), args, workspace, true);
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = i; j < k; ++j) {
        const auto at = static_cast<std::size_t>(i * stride + j);
        ASSERT_EQ(upper[at], all[at]) << i << ", " << j;
      }
    }
    // Nothing of a row is written behind its end.
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = k; j < stride; ++j) ASSERT_EQ(all[static_cast<std::size_t>(i * stride + j)], 0);
    }
    // Far from the diagonal nothing is computed.
    if (k == 500) {
      EXPECT_EQ(upper[static_cast<std::size_t>(499 * stride)], 0);
    }
  }
}

TEST(Gemm, RowsOfSumsShareNoPlaceOfACache) {
  for (int64_t columns : {1, 32, 33, 256, 1000, 2048, 8192, 11008}) {
    const int64_t stride = PaddedStride(columns);
    EXPECT_GE(stride, columns);
    EXPECT_EQ(stride % 64, 32) << columns;
    EXPECT_LE(stride, columns + 95);
  }
}

}  // namespace
}  // namespace lacuna
