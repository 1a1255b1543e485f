// llama-bench's lists and the tests they make.
#include "tools/bench_spec.h"

#include <gtest/gtest.h>

namespace lacuna::tools {
namespace {

using Numbers = std::vector<int64_t>;

Numbers Parse(const std::string& text) {
  const auto numbers = ParseRanges(text, "-p");
  EXPECT_TRUE(numbers.ok()) << text << ": " << numbers.status().message();
  return numbers.ok() ? *numbers : Numbers{};
}

TEST(BenchRanges, ListsAndRangesWithBothEnds) {
  EXPECT_EQ(Parse("512"), (Numbers{512}));
  EXPECT_EQ(Parse("0"), (Numbers{0}));
  EXPECT_EQ(Parse("1,2"), (Numbers{1, 2}));
  EXPECT_EQ(Parse("1-4"), (Numbers{1, 2, 3, 4}));
  EXPECT_EQ(Parse("1-8+2"), (Numbers{1, 3, 5, 7}));
  EXPECT_EQ(Parse("1-16*2"), (Numbers{1, 2, 4, 8, 16}));
  EXPECT_EQ(Parse("3-20*2,7,5-6"), (Numbers{3, 6, 12, 7, 5, 6}));
  EXPECT_EQ(Parse("4-4"), (Numbers{4}));
}

TEST(BenchRanges, RefusesWhatIsNoListOrNeverEnds) {
  for (const char* text : {"", ",", "1,", ",1", "a", "1-", "4-1", "-3", "1-4+0", "1-4*1", "0-4*2", "1-4+", "1-4^2",
                           "1.5", "99999999999999999999", "1 2", "1-9000"}) {
    const auto numbers = ParseRanges(text, "-d");
    ASSERT_FALSE(numbers.ok()) << text;
    EXPECT_EQ(numbers.status().code(), StatusCode::kInvalidInput) << text;
    EXPECT_EQ(numbers.status().message().find("-d: "), 0u) << numbers.status().message();
  }
}

TEST(BenchRanges, OccurrencesAddUp) {
  const auto numbers = ParseRanges(std::vector<std::string>{"1-2", "7"}, "-t");
  ASSERT_TRUE(numbers.ok());
  EXPECT_EQ(*numbers, (Numbers{1, 2, 7}));
  EXPECT_FALSE(ParseRanges(std::vector<std::string>{"1", "x"}, "-t").ok());
}

TEST(BenchRanges, PromptAndGen) {
  const auto both = ParsePromptAndGen("512,128");
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(*both, (std::pair<int64_t, int64_t>{512, 128}));
  for (const char* text : {"512", "512,", ",128", "1,2,3", "0,0", "a,b"})
    EXPECT_FALSE(ParsePromptAndGen(text).ok()) << text;
}

TEST(BenchPlan, TestsByDepthThenKindWithoutZeros) {
  const BenchPlan plan{
      .prompts = {512, 0}, .gens = {0, 128}, .rows = {1, 8}, .depths = {0, 4096}, .prompt_gens = {{64, 16}}};
  std::vector<std::string> names;
  for (const BenchTest& test : plan.Tests()) names.push_back(test.Name());
  EXPECT_EQ(names, (std::vector<std::string>{"pp512", "tg128", "pp64+tg16", "rows1", "rows8", "pp512 @ d4096",
                                             "tg128 @ d4096", "pp64+tg16 @ d4096", "rows1 @ d4096", "rows8 @ d4096"}));
  EXPECT_EQ(plan.Tests()[2].Tokens(), 80);
  EXPECT_EQ(plan.Tests()[4].Tokens(), 8);
  EXPECT_TRUE(BenchPlan{}.Tests().empty());
}

}  // namespace
}  // namespace lacuna::tools
