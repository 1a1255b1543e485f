#include "compress/masks.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "tests/support/data.h"

namespace lacuna {
namespace {

using namespace lacuna::testing;

TEST(Masks, TheLowestGoAndOfEqualsTheFirst) {
  const std::vector<float> scores = {3, 1, 2, 1, 5, 1, 0, 9};
  std::vector<uint8_t> marks(8, 7);
  MarkLowest(scores, 3, marks.data(), 1);
  EXPECT_EQ(marks, (std::vector<uint8_t>{0, 1, 0, 1, 0, 0, 1, 0}));
  MarkLowest(scores, 0, marks.data(), 1);
  EXPECT_EQ(marks, std::vector<uint8_t>(8, 0));
  MarkLowest(scores, 9, marks.data(), 1);
  EXPECT_EQ(marks, std::vector<uint8_t>(8, 1));
}

TEST(Masks, ARowLosesItsShare) {
  Random random(TestSeed(75));
  for (int k : {1, 7, 128, 300}) {
    for (double fraction : {0.0, 0.1, 0.5, 0.7, 1.0}) {
      const std::vector<float> scores = UniformFloats(static_cast<std::size_t>(k), 0, 1, random);
      std::vector<uint8_t> marks(static_cast<std::size_t>(k) * 2, 0);
      MarkRow(scores, 0, {.fraction = fraction}, marks.data(), 2);
      EXPECT_EQ(std::accumulate(marks.begin(), marks.end(), 0), static_cast<int>(fraction * k));
      // Parts of a row lose together what the row loses.
      const int middle = k / 3;
      MarkRow(std::span(scores).first(static_cast<std::size_t>(middle)), 0, {.fraction = fraction}, marks.data(), 2);
      MarkRow(std::span(scores).subspan(static_cast<std::size_t>(middle)), middle, {.fraction = fraction},
              marks.data() + 2 * middle, 2);
      EXPECT_EQ(std::accumulate(marks.begin(), marks.end(), 0), static_cast<int>(fraction * k));
    }
  }
}

TEST(Masks, APatternKeepsNOfM) {
  Random random(TestSeed(76));
  const struct { int n, m; } patterns[] = {{2, 4}, {1, 4}, {4, 8}, {8, 16}};
  for (const auto& [n, m] : patterns) {
    const std::vector<float> scores = UniformFloats(67, 0, 1, random);
    std::vector<uint8_t> marks(67);
    MarkRow(scores, 0, {.n = n, .m = m}, marks.data(), 1);
    for (int k = 0; k < 67; k += m) {
      int kept = 0;
      float lowest_kept = 2, highest_gone = -1;
      for (int i = k; i < std::min(67, k + m); ++i) {
        const float score = scores[static_cast<std::size_t>(i)];
        kept += !marks[static_cast<std::size_t>(i)];
        if (marks[static_cast<std::size_t>(i)]) {
          highest_gone = std::max(highest_gone, score);
        } else {
          lowest_kept = std::min(lowest_kept, score);
        }
      }
      EXPECT_EQ(kept, std::min(n, 67 - k)) << n << ":" << m << " at " << k;
      EXPECT_LT(highest_gone, lowest_kept);
    }
  }
}

}  // namespace
}  // namespace lacuna
