#include "compress/calibration.h"

#include <gtest/gtest.h>

#include <numeric>

namespace lacuna {
namespace {

std::vector<int32_t> Ids(int n) {
  std::vector<int32_t> ids(static_cast<std::size_t>(n));
  std::iota(ids.begin(), ids.end(), 10);
  return ids;
}

TEST(CalibrationSequences, AreSpreadOverTheText) {
  const auto got = CalibrationSequences(Ids(1005), 1, {.sequences = 4, .length = 100, .widest = 50});
  ASSERT_TRUE(got.ok()) << got.status().message();
  ASSERT_EQ(got->size(), 4u);
  const int first[] = {0, 200, 500, 700};
  for (std::size_t i = 0; i < 4; ++i) {
    ASSERT_EQ((*got)[i].size(), 100u);
    EXPECT_EQ((*got)[i][0], 1);
    EXPECT_EQ((*got)[i][1], 10 + first[i] + 1);
    EXPECT_EQ((*got)[i][99], 10 + first[i] + 99);
  }
}

TEST(CalibrationSequences, TakeWhatThereIs) {
  const auto few = CalibrationSequences(Ids(250), std::nullopt, {.sequences = 9, .length = 100, .widest = 50});
  ASSERT_TRUE(few.ok());
  EXPECT_EQ(few->size(), 2u);
  EXPECT_EQ((*few)[1][0], 110);
  const auto one = CalibrationSequences(Ids(60), std::nullopt, {.sequences = 9, .length = 100, .widest = 50});
  ASSERT_TRUE(one.ok());
  EXPECT_EQ(*one, std::vector<std::vector<int32_t>>{Ids(60)});
}

TEST(CalibrationSequences, TooFewTokensAreExplained) {
  const CalibrationPlan plan{.sequences = 2, .length = 100, .widest = 300};
  EXPECT_EQ(CalibrationSequences(Ids(250), 1, plan).status().message(),
            "the calibration text has 250 tokens, and the widest layer has 300 inputs: give a text of at least as many "
            "tokens, better ten times as many");
  EXPECT_EQ(CalibrationSequences(Ids(2500), 1, plan).status().message(),
            "2 sequences of 100 tokens are fewer tokens than the widest layer has inputs, 300: ask for more or longer "
            "sequences");
  EXPECT_FALSE(CalibrationSequences({}, 1, plan).ok());
  EXPECT_FALSE(CalibrationSequences(Ids(2500), 1, {.sequences = 0, .length = 100}).ok());
}

}  // namespace
}  // namespace lacuna
