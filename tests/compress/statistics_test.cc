// Intervals and percentiles against values worked out by hand or with numpy and scipy.
#include "compress/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lacuna {
namespace {

Moments Of(const std::vector<double>& values) {
  Moments m;
  for (double x : values) m.Add(x);
  return m;
}

TEST(Statistics, MeanAndStandardError) {
  // Variance of 1, 2, 3, 4 with n - 1: 5/3; standard error sqrt(5 / 12).
  const Moments m = Of({1, 2, 3, 4});
  EXPECT_DOUBLE_EQ(m.mean(), 2.5);
  EXPECT_NEAR(m.StandardError(), std::sqrt(5.0 / 12), 1e-15);
  const Estimate e = MeanOf(m);
  EXPECT_NEAR(e.high - e.value, 1.959963984540054 * std::sqrt(5.0 / 12), 1e-14);
  EXPECT_NEAR(e.value - e.low, e.high - e.value, 1e-14);
}

TEST(Statistics, FewOrEqualNumbersHaveNoSpread) {
  EXPECT_EQ(Moments().mean(), 0);
  EXPECT_EQ(Of({7}).StandardError(), 0);
  EXPECT_EQ(Of({0.1, 0.1, 0.1}).StandardError(), 0);
}

TEST(Statistics, PartsAddUp) {
  Moments parts = Of({1, 5});
  parts += Of({2});
  parts += Of({});
  const Moments whole = Of({1, 5, 2});
  EXPECT_EQ(parts.n, 3);
  EXPECT_DOUBLE_EQ(parts.StandardError(), whole.StandardError());
}

TEST(Statistics, PerplexityIsTheExponential) {
  const Moments m = Of({std::log(2.0), std::log(8.0)});
  const Estimate e = ExpMeanOf(m);
  EXPECT_NEAR(e.value, 4.0, 1e-12);
  EXPECT_NEAR(e.low * e.high, 16.0, 1e-10);
}

// Wilson's interval of 8 of 10 and of 0 of 10.
TEST(Statistics, Shares) {
  const Estimate most = ShareOf(8, 10);
  EXPECT_DOUBLE_EQ(most.value, 0.8);
  EXPECT_NEAR(most.low, 0.49016, 1e-5);
  EXPECT_NEAR(most.high, 0.94332, 1e-5);
  const Estimate none = ShareOf(0, 10);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, 0.27753, 1e-5);
  const Estimate all = ShareOf(10, 10);
  EXPECT_EQ(all.high, 1);
  EXPECT_NEAR(all.low, 1 - 0.27753, 1e-5);
  EXPECT_EQ(ShareOf(0, 0).high, 1);
}

// numpy.percentile's linear interpolation.
TEST(Statistics, Percentiles) {
  std::vector<float> values = {4, 1, 3, 2};
  EXPECT_DOUBLE_EQ(Percentile(&values, 0), 1);
  EXPECT_DOUBLE_EQ(Percentile(&values, 1), 4);
  EXPECT_DOUBLE_EQ(Percentile(&values, 0.5), 2.5);
  EXPECT_NEAR(Percentile(&values, 0.99), 3.97, 1e-12);
  std::vector<float> one = {5};
  EXPECT_DOUBLE_EQ(Percentile(&one, 0.99), 5);
  std::vector<float> many(1001);
  for (int i = 0; i < 1001; ++i) many[static_cast<std::size_t>((i * 7) % 1001)] = static_cast<float>(i);
  EXPECT_DOUBLE_EQ(Percentile(&many, 0.99), 990);
}

}  // namespace
}  // namespace lacuna
