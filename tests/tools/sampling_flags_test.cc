// Flags of generation: escapes, biases, and what is refused.
#include "tools/sampling_flags.h"

#include <gtest/gtest.h>

#include <limits>

namespace lacuna::tools {
namespace {

TEST(SamplingFlags, Escapes) {
  EXPECT_EQ(Unescape(R"(a\nb\tc\\d\"e\'f)"), "a\nb\tc\\d\"e'f");
  EXPECT_EQ(Unescape(R"(\q\)"), R"(\q\)");
}

TEST(SamplingFlags, LogitBias) {
  const auto bias = ParseLogitBias("15043-2.5");
  ASSERT_TRUE(bias.ok());
  EXPECT_EQ(bias->id, 15043);
  EXPECT_EQ(bias->bias, -2.5f);
  EXPECT_EQ(ParseLogitBias("7+1")->bias, 1.0f);
  EXPECT_EQ(ParseLogitBias("0-inf")->bias, -std::numeric_limits<float>::infinity());
  for (const char* wrong : {"", "7", "7+", "+1", "-7+1", "7+inf", "7+nan", "7--1", "7+1x", "7 +1", "99999999999+1"}) {
    EXPECT_FALSE(ParseLogitBias(wrong).ok()) << wrong;
  }
}

TEST(SamplingFlags, OptionsAreReadAndChecked) {
  CLI::App app;
  SamplingFlags flags;
  flags.AddTo(app);
  app.parse(
      "--temp 0.5 --typical-p 0.9 --samplers top_k;temperature --logit-bias 3+1 -l 4-1 -r END -r \\n -s 7 "
      "--dry-sequence-breaker none --top-nsigma -1 --repeat-last-n -1",
      false);
  const auto options = flags.Options();
  ASSERT_TRUE(options.ok()) << options.status().message();
  const SamplingParams& p = options->sampling;
  EXPECT_EQ(p.temperature, 0.5f);
  EXPECT_EQ(p.typical_p, 0.9f);
  EXPECT_EQ(p.seed, 7u);
  EXPECT_EQ(p.steps.size(), 2u);
  EXPECT_EQ(p.logit_bias.size(), 2u);
  EXPECT_TRUE(p.dry_sequence_breakers.empty());
  EXPECT_EQ(p.repeat_last_n, -1);
  EXPECT_EQ(options->stop, (std::vector<std::string>{"END", "\n"}));
  flags.params.temperature = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(flags.Options().ok());
}

TEST(SamplingFlags, WholeNumbersBeyondTheirRangeAreRefused) {
  const auto error = [](const std::string& text) -> std::string {
    CLI::App app;
    SamplingFlags flags;
    flags.AddTo(app);
    try {
      app.parse(text, false);
    } catch (const CLI::ParseError& e) {
      return e.what();
    }
    return "";
  };
  EXPECT_EQ(error("--seed -1 --top-k -1"), "");
  EXPECT_EQ(error("--seed 9223372036854775807"), "");
  for (const char* seed : {"9223372036854775808", "18446744073709551616", "-2", "1.5", "x"}) {
    const std::string quoted = "'" + std::string(seed) + "'";
    EXPECT_NE(error("--seed " + std::string(seed))
                  .find(quoted + " is no seed, expected -1 or a whole number from 0 to 9223372036854775807"),
              std::string::npos)
        << seed;
  }
  EXPECT_NE(error("--top-k -2").find("Value -2 not in range -1 to 16777216"), std::string::npos) << error("--top-k -2");
  EXPECT_NE(error("--repeat-last-n -2").find("Value -2 not in range -1 to 2147483647"), std::string::npos);
}

}  // namespace
}  // namespace lacuna::tools
