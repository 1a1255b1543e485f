// log-probabilities and KL divergence against the definitions in double, and by hand.
#include "session/log_softmax.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "backend/cpu/elementwise.h"
#include "base/fp_scope.h"

namespace lacuna {
namespace {

double Oracle(const std::vector<float>& x) {
  const double top = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (float v : x) sum += std::exp(v - top);
  return top + std::log(sum);
}

double KlOracle(const std::vector<float>& p, const std::vector<float>& q) {
  const double lp = Oracle(p), lq = Oracle(q);
  double kl = 0;
  for (std::size_t i = 0; i < p.size(); ++i) kl += std::exp(p[i] - lp) * ((p[i] - lp) - (q[i] - lq));
  return kl;
}

double Kl(const std::vector<float>& p, const std::vector<float>& q) {
  const FpScope fp;
  LogSoftmax a(static_cast<int>(p.size()), kernels::kElementwiseRef), b = a;
  const double lp = a.LogSum(p), lq = b.LogSum(q);
  return KlDivergence(a, p, lp, q, lq);
}

std::vector<float> Random(int n, float spread, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(static_cast<std::size_t>(n));
  for (float& v : x) v = normal(random);
  return x;
}

// P = (1/2, 1/4, 1/4) and Q = (1/4, 1/4, 1/2): KL = 1/2 log 2 - 1/4 log 2 = log(2) / 4.
TEST(LogSoftmax, DivergenceByHand) {
  const auto logs = [](std::vector<double> p) {
    std::vector<float> x;
    for (double v : p) x.push_back(static_cast<float>(std::log(v)));
    return x;
  };
  EXPECT_NEAR(Kl(logs({0.5, 0.25, 0.25}), logs({0.25, 0.25, 0.5})), std::log(2.0) / 4, 1e-7);
  EXPECT_NEAR(Kl(logs({0.9, 0.1}), logs({0.5, 0.5})), 0.9 * std::log(1.8) + 0.1 * std::log(0.2), 1e-7);
  EXPECT_EQ(Kl(logs({0.9, 0.1}), logs({0.9, 0.1})), 0);
}

TEST(LogSoftmax, AgainstDoubles) {
  for (int n : {1, 2, 7, 8, 9, 300, 2048, 8191}) {
    for (float spread : {0.1f, 3.0f, 30.0f}) {
      const std::vector<float> p = Random(n, spread, static_cast<uint32_t>(n));
      std::vector<float> q = p;
      const std::vector<float> noise = Random(n, 0.01f, static_cast<uint32_t>(n) + 1);
      for (std::size_t i = 0; i < q.size(); ++i) q[i] += noise[i];
      const FpScope fp;
      LogSoftmax log_softmax(n, kernels::kElementwiseRef);
      EXPECT_NEAR(log_softmax.LogSum(p), Oracle(p), 3e-7) << n << ", " << spread;
      EXPECT_EQ(log_softmax.top(), std::max_element(p.begin(), p.end()) - p.begin());
      const double want = KlOracle(p, q);
      EXPECT_NEAR(Kl(p, q), want, 3e-7 + 1e-4 * want) << n << ", " << spread;
    }
  }
}

TEST(LogSoftmax, TiesGoToTheLowestId) {
  std::vector<float> x(40, 1.0f);
  x[13] = x[21] = x[39] = 2.0f;
  const FpScope fp;
  LogSoftmax log_softmax(40, kernels::kElementwiseRef);
  log_softmax.LogSum(x);
  EXPECT_EQ(log_softmax.top(), 13);
}

TEST(LogSoftmax, SameBitsAtEveryTier) {
  const auto tier = HostTier();
  ASSERT_TRUE(tier.ok()) << tier.status().message();
  const FpScope fp;
  LogSoftmax ref(5003, kernels::kElementwiseRef), simd(5003, ElementwiseFor(Tier::kSimd)),
      own(5003, ElementwiseFor(*tier));
  const std::vector<float> x = Random(5003, 8, 3);
  EXPECT_EQ(ref.LogSum(x), simd.LogSum(x));
  EXPECT_EQ(ref.LogSum(x), own.LogSum(x));
}

}  // namespace
}  // namespace lacuna
