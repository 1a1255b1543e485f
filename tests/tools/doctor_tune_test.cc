// Where a kernel takes over, from times.
#include "tools/doctor_tune.h"

#include <gtest/gtest.h>

#include <set>

#include "backend/cpu/cost_file.h"

namespace lacuna::tools {
namespace {

std::vector<TuneStep> Steps(const std::vector<std::pair<double, double>>& times) {
  std::vector<TuneStep> steps;
  for (std::size_t i = 0; i < times.size(); ++i) {
    steps.push_back({.rows = 1 << i, .ns = times[i].first, .instead_ns = times[i].second});
  }
  return steps;
}

TEST(CrossoverOf, TheRowsFromWhichItSavesMost) {
  EXPECT_EQ(CrossoverOf(Steps({{12, 10}, {10, 10}, {8, 10}, {7, 10}})), 4);
  EXPECT_EQ(CrossoverOf(Steps({{5, 10}, {5, 10}})), 1);
  EXPECT_EQ(CrossoverOf(Steps({{12, 10}, {13, 10}})), kNever);
  EXPECT_EQ(CrossoverOf(Steps({{9.9, 10}, {9.9, 10}})), kNever) << "one percent is noise";
  EXPECT_EQ(CrossoverOf({}), kNever);
}

TEST(CrossoverOf, OneDisturbedFigureDecidesNothing) {
  EXPECT_EQ(CrossoverOf(Steps({{12, 10}, {7, 10}, {11, 10}, {6, 10}, {5, 10}})), 2) << "in the middle";
  EXPECT_EQ(CrossoverOf(Steps({{12, 10}, {7, 10}, {6, 10}, {6, 10}, {14, 10}})), 2) << "at the end";
  EXPECT_EQ(CrossoverOf(Steps({{8, 10}, {15, 10}, {15, 10}, {7, 10}})), 8) << "a lucky one before slow ones";
}

TEST(TuneCosts, MeasuresEveryCrossover) {
  auto team = ThreadTeam::Create(2);
  ASSERT_TRUE(team.ok());
  const auto tier = HostTier();
  ASSERT_TRUE(tier.ok());
  const Tier most = std::min(*tier, Tier::kAvx512);
  const auto tuned = TuneCosts(**team, HostCpuFeatures(), most,
                               {.channels = 256, .inputs = 512, .bytes = std::size_t{1} << 20, .rounds = 2});
  ASSERT_TRUE(tuned.ok()) << tuned.status().message();
  std::set<std::string> measured;
  for (const TuneStep& step : tuned->steps) {
    EXPECT_GT(step.ns, 0) << step.kernel;
    EXPECT_GT(step.instead_ns, 0) << step.kernel;
    EXPECT_NE(step.kernel, step.instead);
    measured.insert(step.kernel);
  }
  // Every kernel whose crossover is in the table, packed weights' too.
  std::set<std::string> expected;
  const auto expect = [&](const auto& kernels) {
    for (const auto& kernel : kernels) {
      if (kernel.from != Crossover::kAlways && kernel.tier <= most) expected.insert(kernel.name);
    }
  };
  expect(LinearBf16Kernels());
  expect(LinearPackedKernels());
  if (most == Tier::kAvx512) {
    EXPECT_EQ(expected.size(), 10u);
  }
  EXPECT_EQ(measured, expected);
  for (int i = 0; i < kCrossovers; ++i) {
    EXPECT_TRUE(tuned->costs.from[i] == kNever || (tuned->costs.from[i] >= 1 && tuned->costs.from[i] <= 32))
        << CrossoverName(static_cast<Crossover>(i));
  }
}

}  // namespace
}  // namespace lacuna::tools
