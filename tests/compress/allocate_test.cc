// The choice of levels against all choices there are, and where it is too large to try them all against bounds.
#include "compress/allocate.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

namespace lacuna {
namespace {

using Choices = std::vector<std::vector<LevelCost>>;

// The least loss of all choices within the budget; negative: none.
double BruteForce(const Choices& choices, int64_t budget) {
  double best = -1;
  std::vector<int> levels(choices.size());
  const std::function<void(std::size_t)> descend = [&](std::size_t m) {
    if (m == choices.size()) {
      const LevelCost sum = SumOf(choices, levels);
      if (sum.bytes <= budget && (best < 0 || sum.loss < best)) best = sum.loss;
      return;
    }
    for (std::size_t l = 0; l < choices[m].size(); ++l) {
      levels[m] = static_cast<int>(l);
      descend(m + 1);
    }
  };
  descend(0);
  return best;
}

Choices Random(std::mt19937& random, int matrices, int most_levels, int most_bytes) {
  Choices choices(static_cast<std::size_t>(matrices));
  for (auto& of : choices) {
    const auto levels = 1 + random() % static_cast<unsigned>(most_levels);
    for (unsigned l = 0; l < levels; ++l) {
      of.push_back({.bytes = 1 + static_cast<int64_t>(random() % static_cast<unsigned>(most_bytes)),
                    .loss = static_cast<double>(random() % 1000) / 8});
    }
  }
  return choices;
}

TEST(Allocate, IsTheBestOfAllChoices) {
  std::mt19937 random(7);
  int solved = 0;
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    const Choices choices = Random(random, 1 + round % 6, 5, 50);
    const int64_t budget = 20 + static_cast<int64_t>(random() % 200);
    const double best = BruteForce(choices, budget);
    const auto levels = Allocate(choices, budget);
    ASSERT_EQ(levels.has_value(), best >= 0);
    if (!levels) continue;
    ++solved;
    EXPECT_LE(SumOf(choices, *levels).bytes, budget);
    EXPECT_DOUBLE_EQ(SumOf(choices, *levels).loss, best);
  }
  EXPECT_GT(solved, 200);
}

TEST(Allocate, GreedyWouldMissThis) {
  // By gain a byte the first matrix comes first, and then the second does not fit.
  const Choices choices = {{{0, 10}, {6, 3}}, {{0, 10}, {5, 5}}, {{0, 10}, {5, 5}}};
  EXPECT_EQ(*Allocate(choices, 10), (std::vector<int>{0, 1, 1}));
  EXPECT_EQ(SumOf(choices, *Allocate(choices, 11)).loss, 18);
}

TEST(Allocate, NothingFits) {
  EXPECT_FALSE(Allocate({{{5, 1}}, {{5, 1}, {4, 2}}}, 8).has_value());
  EXPECT_TRUE(Allocate({{{5, 1}}, {{5, 1}, {4, 2}}}, 9).has_value());
  EXPECT_FALSE(UniformLevel({{{5, 1}, {6, 0}}}, 4).has_value());
}

TEST(Allocate, ManyMatricesStayCloseToTheBound) {
  // Halving losses a byte more: the best is known, everything as even as it goes.
  std::mt19937 random(3);
  Choices choices;
  for (int m = 0; m < 150; ++m) {
    const double scale = 1 + static_cast<double>(random() % 100);
    const int64_t size = 10'000 + static_cast<int64_t>(random() % 100'000);
    std::vector<LevelCost> of;
    for (int bits = 1; bits <= 8; ++bits) of.push_back({size * bits, scale / static_cast<double>(1 << (2 * bits))});
    choices.push_back(of);
  }
  int64_t budget = 0;
  for (const auto& of : choices) budget += of[3].bytes;
  const auto levels = Allocate(choices, budget);
  ASSERT_TRUE(levels.has_value());
  const LevelCost sum = SumOf(choices, *levels);
  EXPECT_LE(sum.bytes, budget);
  EXPECT_GT(static_cast<double>(sum.bytes), 0.999 * static_cast<double>(budget));
  // Lagrange's bound: for any price of a byte no choice within the budget has less loss.
  double bound = 0;
  for (double price = 1e-9; price < 1e-3; price *= 1.1) {
    double dual = -price * static_cast<double>(budget);
    for (const auto& of : choices) {
      double least = 1e300;
      for (const LevelCost& l : of) least = std::min(least, l.loss + price * static_cast<double>(l.bytes));
      dual += least;
    }
    bound = std::max(bound, dual);
  }
  EXPECT_GT(bound, 0);
  EXPECT_LT(sum.loss, 1.02 * bound);
  EXPECT_LT(sum.loss, 0.8 * SumOf(choices, EveryoneAt(choices, 3)).loss);
  EXPECT_EQ(*levels, *Allocate(choices, budget));
}

TEST(Allocate, OneLevelForAll) {
  const Choices choices = {{{8, 1}, {4, 2}, {2, 9}}, {{7, 7}}, {{8, 1}, {4, 3}, {2, 4}}};
  EXPECT_EQ(UniformLevel(choices, 23), 0);
  EXPECT_EQ(UniformLevel(choices, 22), 1);
  EXPECT_EQ(UniformLevel(choices, 11), 2);
  EXPECT_EQ(EveryoneAt(choices, 2), (std::vector<int>{2, 0, 2}));
}

}  // namespace
}  // namespace lacuna
