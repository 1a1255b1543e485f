// The factor of the Hessian's inverse against an inverse in double precision by elimination.
#include "compress/inverse_factor.h"

#include <gtest/gtest.h>
#include <oneapi/tbb/task_arena.h>

#include <cmath>
#include <cstring>

#include "backend/cpu/gemm.h"
#include "tests/compress/correlated.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

const kernels::GemmTileFn kTile = GemmTileFor(Tier::kSimd);

// The largest |U^T U A - 1| of A = the damped Hessian in the factor's order.
double Residual(const Hessian& hessian, const std::vector<int32_t>& order, double damping, const float* u) {
  const int64_t k = hessian.k();
  const std::vector<double> a = DampedHessian(hessian, order, damping);
  std::vector<double> ua(static_cast<std::size_t>(k * k));
  for (int64_t i = 0; i < k; ++i)
    for (int64_t t = i; t < k; ++t)
      for (int64_t j = 0; j < k; ++j)
        ua[static_cast<std::size_t>(i * k + j)] += double{u[i * k + t]} * a[static_cast<std::size_t>(t * k + j)];
  double worst = 0;
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < k; ++j) {
      double sum = i == j ? -1 : 0;
      for (int64_t t = 0; t <= i; ++t) sum += double{u[t * k + i]} * ua[static_cast<std::size_t>(t * k + j)];
      worst = std::max(worst, std::fabs(sum));
    }
  }
  return worst;
}

TEST(InverseFactor, IsTheFactorOfTheInverse) {
  for (int64_t k : {1, 2, 31, 128, 129, 300}) {
    SCOPED_TRACE(k);
    const Hessian hessian = HessianOf(CorrelatedInputs(2 * k + 10, k, 81), k);
    const auto factor = InverseFactor(hessian, {}, 0.01, kTile);
    ASSERT_TRUE(factor.ok()) << factor.status().message();
    const auto* u = reinterpret_cast<const float*>(factor->data());
    for (int64_t i = 0; i < k; ++i) {
      for (int64_t j = 0; j < i; ++j) ASSERT_EQ(u[i * k + j], 0) << i << ", " << j;
      ASSERT_GT(u[i * k + i], 0);
    }
    EXPECT_LT(Residual(hessian, {}, 0.01, u), 2e-3);
  }
}

TEST(InverseFactor, FollowsTheOrderOfColumns) {
  const int64_t k = 150;
  const Hessian hessian = HessianOf(CorrelatedInputs(400, k, 82), k);
  std::vector<int32_t> order(static_cast<std::size_t>(k));
  for (int64_t i = 0; i < k; ++i) order[static_cast<std::size_t>(i)] = static_cast<int32_t>((i * 7 + 3) % k);
  const auto factor = InverseFactor(hessian, order, 0.02, kTile);
  ASSERT_TRUE(factor.ok());
  EXPECT_LT(Residual(hessian, order, 0.02, reinterpret_cast<const float*>(factor->data())), 2e-3);
}

TEST(InverseFactor, HasTheSameBitsAtAnyThreadCountAndTier) {
  const int64_t k = 700;
  const Hessian hessian = HessianOf(CorrelatedInputs(900, k, 83), k);
  const auto want = InverseFactor(hessian, {}, 0.01, GemmTileFor(Tier::kRef));
  ASSERT_TRUE(want.ok());
  for (Tier tier : {Tier::kSimd, Tier::kAvx512}) {
    if (!HasTier(HostCpuFeatures(), tier)) continue;
    for (int threads : {1, 2, 5}) {
      tbb::task_arena arena(threads);
      const auto got = arena.execute([&] { return InverseFactor(hessian, {}, 0.01, GemmTileFor(tier)); });
      ASSERT_TRUE(got.ok());
      EXPECT_EQ(std::memcmp(got->data(), want->data(), want->size()), 0) << TierName(tier) << ", " << threads;
    }
  }
}

TEST(InverseFactor, AnInputThatIsAlwaysZeroIsAlone) {
  const int64_t k = 40;
  std::vector<float> x = CorrelatedInputs(100, k, 84);
  for (int64_t t = 0; t < 100; ++t) x[static_cast<std::size_t>(t * k + 5)] = 0;
  const auto factor = InverseFactor(HessianOf(x, k), {}, 0.01, kTile);
  ASSERT_TRUE(factor.ok());
  const auto* u = reinterpret_cast<const float*>(factor->data());
  EXPECT_EQ(u[5 * k + 5], 1);
  for (int64_t j = 6; j < k; ++j) EXPECT_EQ(u[5 * k + j], 0);
}

TEST(InverseFactor, ASingularLayerIsNamed) {
  // Four tokens of ones: all inputs are the same one.
  const Hessian hessian = HessianOf(std::vector<float>(4 * 8, 1.0f), 8);
  const auto factor = InverseFactor(hessian, {}, 0, kTile);
  ASSERT_FALSE(factor.ok());
  EXPECT_EQ(factor.status().code(), StatusCode::kInvalidInput);
  EXPECT_EQ(
      factor.status().message(),
      "the test's input: the Hessian of its 8 inputs over 4 tokens is singular at input 6: calibrate on more or more "
      "varied text, or raise the damping");
  EXPECT_TRUE(InverseFactor(hessian, {}, 0.01, kTile).ok());
}

TEST(Hessian, IsSymmetricAndRefusesWhatIsNotFinite) {
  const int64_t k = 70;
  const std::vector<float> x = CorrelatedInputs(200, k, 85);
  const Hessian hessian = HessianOf(x, k);
  EXPECT_EQ(hessian.tokens(), 200);
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < k; ++j) {
      double want = 0;
      for (int64_t t = 0; t < 200; ++t)
        want += double{x[static_cast<std::size_t>(t * k + i)]} * x[static_cast<std::size_t>(t * k + j)];
      EXPECT_NEAR(hessian.matrix().Row(i)[j], want, 1e-3);
      EXPECT_EQ(hessian.matrix().Row(i)[j], hessian.matrix().Row(j)[i]);
    }
  }
  std::vector<float> wild = x;
  wild[3] = 1e30f;
  auto bad = Hessian::Create("layer 3, input of q_proj", k, kTile);
  bad->Add(F32View(wild.data(), 200, k));
  EXPECT_EQ(bad->Finish().message(),
            "layer 3, input of q_proj: input 3 is not finite, or its squares are beyond float32, over the calibration "
            "text: the model's weights are outside the range it can compute with");
}

}  // namespace
}  // namespace lacuna
