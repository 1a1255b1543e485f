// DRY against a direct search, its breakers, and the texts that end at stop strings.
#include "session/penalties.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "session/stop_strings.h"
#include "tests/tokenizer/mini.h"

namespace lacuna {
namespace {

SamplingParams Params() {
  SamplingParams params;
  params.dry_multiplier = 0.5f;
  params.dry_base = 2;
  return params;
}

std::map<int32_t, float> DryOf(std::vector<int32_t> window, const SamplingParams& params,
                               const TokenBytes* bytes = nullptr) {
  Dry dry;
  std::vector<TokenPenalty> penalties;
  dry.Penalties(window, params, bytes, penalties);
  std::map<int32_t, float> out;
  for (const auto& p : penalties) out[p.id] = p.penalty;
  EXPECT_EQ(out.size(), penalties.size());
  return out;
}

TEST(Dry, TheLongerTheRepetitionTheLargerThePenalty) {
  EXPECT_TRUE(DryOf({1, 2, 3}, Params()).empty());
  EXPECT_TRUE(DryOf({1, 9, 2, 1}, Params()).empty());  // one token is less than the allowed length
  EXPECT_EQ(DryOf({1, 2, 9, 4, 1, 2}, Params()), (std::map<int32_t, float>{{9, 0.5f}}));
  EXPECT_EQ(DryOf({7, 1, 2, 9, 4, 7, 1, 2}, Params()), (std::map<int32_t, float>{{9, 1.0f}}));
  EXPECT_EQ(DryOf({1, 2, 9, 7, 1, 2, 8, 7, 1, 2}, Params()), (std::map<int32_t, float>{{8, 1.0f}, {9, 0.5f}}));
  SamplingParams params = Params();
  params.dry_base = 1e6f;
  EXPECT_TRUE(std::isfinite(DryOf(std::vector<int32_t>(400, 5), params)[5]));
}

TEST(Dry, EqualsADirectSearch) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<int32_t> window(random() % 60);
    for (int32_t& id : window) id = static_cast<int32_t>(random() % 3);
    SamplingParams params = Params();
    params.dry_allowed_length = 1 + static_cast<int>(random() % 4);
    const int n = static_cast<int>(window.size());
    std::map<int32_t, int> longest;
    for (int next = 1; next < n; ++next) {  // window[next] followed a text that ends at next - 1
      int m = 0;
      while (next - 1 - m >= 0 && window[static_cast<size_t>(next - 1 - m)] == window[static_cast<size_t>(n - 1 - m)])
        ++m;
      if (m >= params.dry_allowed_length) {
        int& l = longest[window[static_cast<size_t>(next)]];
        l = std::max(l, m);
      }
    }
    std::map<int32_t, float> expected;
    for (const auto& [id, m] : longest)
      expected[id] = 0.5f * std::pow(2.0f, static_cast<float>(m - params.dry_allowed_length));
    EXPECT_EQ(DryOf(window, params), expected) << round;
  }
}

TEST(Dry, NoRepetitionReachesOverABreaker) {
  nlohmann::json json = testing::Mini(true);
  auto& vocab = json["model"]["vocab"] = nlohmann::json::object();
  const char* pieces[] = {"a", "b", "x:y", "c", "#", "/"};
  for (int i = 0; i < 6; ++i) vocab[pieces[i]] = i;
  json["model"]["merges"] = nlohmann::json::array();
  const auto tokenizer = testing::Parse(json);
  ASSERT_TRUE(tokenizer);
  const TokenBytes bytes(*tokenizer, 6);
  ASSERT_EQ(bytes[2], "x:y");
  SamplingParams params = Params();
  params.dry_allowed_length = 1;
  const std::vector<int32_t> window = {0, 2, 1, 3, 0, 2, 1};  // a x:y b c a x:y b
  EXPECT_EQ(DryOf(window, params), (std::map<int32_t, float>{{3, 2.0f}}));
  EXPECT_EQ(DryOf(window, params, &bytes), (std::map<int32_t, float>{{3, 0.5f}}));
  params.dry_sequence_breakers = {"#/"};  // over two tokens
  EXPECT_EQ(DryOf({0, 4, 5, 3, 0, 4, 5}, params, &bytes), (std::map<int32_t, float>{}));
  EXPECT_EQ(DryOf({4, 5, 1, 3, 4, 5, 1}, params, &bytes), (std::map<int32_t, float>{{3, 0.5f}}));
  params.dry_sequence_breakers = {"/#"};
  EXPECT_EQ(DryOf({4, 5, 1, 3, 4, 5, 1}, params, &bytes), (std::map<int32_t, float>{{3, 2.0f}}));
}

std::string Streamed(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopStrings out(stops);
  std::string text;
  for (const std::string& piece : pieces) {
    text += out.Push(piece);
    if (out.stopped()) return text + "!";
  }
  return text + out.Finish();
}

TEST(StopStrings, TextEndsBeforeTheFirstOneAndNothingOfItGetsOut) {
  EXPECT_EQ(Streamed({}, {"ab", "cd"}), "abcd");
  EXPECT_EQ(Streamed({"", "cd"}, {"abcde"}), "ab!");
  EXPECT_EQ(Streamed({"cd"}, {"abc", "d", "e"}), "ab!");
  EXPECT_EQ(Streamed({"cd"}, {"abc", "c", "e"}), "abcce");
  EXPECT_EQ(Streamed({"aab"}, {"a", "a", "a", "b"}), "a!");
  EXPECT_EQ(Streamed({"cd", "bcx"}, {"ab", "c", "d"}), "ab!");
  EXPECT_EQ(Streamed({"cd", "bc"}, {"abcd"}), "a!");
  EXPECT_EQ(Streamed({"END"}, {"text EN"}), "text EN");  // held back, and given at the end
  StopStrings out({"END"});
  EXPECT_EQ(out.Push("text E"), "text ");
  EXPECT_EQ(out.Push("N"), "");
  EXPECT_EQ(out.Push("X"), "ENX");
}

}  // namespace
}  // namespace lacuna
