#include "weights/fit_codebook.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/support/data.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

int Bin(double v) { return static_cast<int>(std::lround((v + 127) * kFitBinsPerUnit)); }

double Cost(const std::vector<int64_t>& counts, const std::vector<double>& book) {
  double cost = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    const double v = static_cast<double>(bin) / kFitBinsPerUnit - 127;
    double nearest = INFINITY;
    for (double entry : book) nearest = std::min(nearest, (v - entry) * (v - entry));
    cost += nearest * static_cast<double>(counts[bin]);
  }
  return cost;
}

TEST(FitCodebook, FindsSeparateClusters) {
  std::vector<int64_t> counts(kFitBins);
  for (int i = 0; i < 16; ++i) {
    for (int d : {-1, 0, 1}) counts[static_cast<std::size_t>(Bin(-120 + 16 * i) + d)] = 100 + i;
  }
  const auto book = FitCodebook(counts, false);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(book[static_cast<std::size_t>(i)], -120 + 16 * i);
}

TEST(FitCodebook, FewValuesAndNone) {
  std::vector<int64_t> counts(kFitBins);
  EXPECT_EQ(FitCodebook(counts, false), (std::array<int, 16>{}));
  counts[static_cast<std::size_t>(Bin(-127))] = 1;
  counts[static_cast<std::size_t>(Bin(127))] = 5;
  const auto book = FitCodebook(counts, false);
  EXPECT_EQ(book.front(), -127);
  EXPECT_EQ(book.back(), 127);
  EXPECT_TRUE(std::is_sorted(book.begin(), book.end()));
  const auto with_zero = FitCodebook(counts, true);
  EXPECT_TRUE(std::find(with_zero.begin(), with_zero.end(), 0) != with_zero.end());
}

// No worse than Lloyd's iterations from many starts (entries not yet rounded cost at most what rounding adds).
TEST(FitCodebook, IsNotWorseThanLloyd) {
  const uint64_t seed = TestSeed(66);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  std::vector<int64_t> counts(kFitBins);
  int64_t total = 0;
  for (int i = 0; i < 200000; ++i, ++total) {
    float v = 0;
    for (int j = 0; j < 5; ++j) v += UniformIn(random, -20, 20);
    ++counts[static_cast<std::size_t>(Bin(v))];
  }
  const auto fitted = FitCodebook(counts, false);
  const double cost = Cost(counts, {fitted.begin(), fitted.end()});
  for (int start = 0; start < 5; ++start) {
    std::vector<double> book(16);
    for (double& entry : book) entry = UniformIn(random, -90, 90);
    for (int step = 0; step < 60; ++step) {
      std::vector<double> sum(16), n(16);
      for (int bin = 0; bin < kFitBins; ++bin) {
        const double v = static_cast<double>(bin) / kFitBinsPerUnit - 127;
        const auto nearest = static_cast<std::size_t>(
            std::min_element(book.begin(), book.end(),
                             [v](double a, double b) { return std::abs(v - a) < std::abs(v - b); }) -
            book.begin());
        sum[nearest] += v * static_cast<double>(counts[static_cast<std::size_t>(bin)]);
        n[nearest] += static_cast<double>(counts[static_cast<std::size_t>(bin)]);
      }
      for (std::size_t i = 0; i < 16; ++i) book[i] = n[i] > 0 ? sum[i] / n[i] : book[i];
    }
    EXPECT_LE(cost, Cost(counts, book) + 0.25 * static_cast<double>(total));
  }
}

}  // namespace
}  // namespace lacuna
