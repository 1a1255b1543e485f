// The steps beyond top_k, top_p, min_p and temperature: what each leaves, and that their order is the one asked for.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "session/sampler.h"

namespace lacuna {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

SamplingParams Off() { return {.temperature = 1.0f, .top_k = 0, .top_p = 1.0f, .min_p = 0.0f, .seed = 1}; }

std::vector<float> LogitsOf(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

std::set<int32_t> Drawn(const std::vector<float>& logits, const SamplingParams& params, SampleAt at = {}) {
  Sampler sampler(static_cast<int>(logits.size()));
  std::set<int32_t> ids;
  for (at.position = 0; at.position < 3000; ++at.position) ids.insert(sampler.Sample(logits, params, at));
  return ids;
}

using Ids = std::set<int32_t>;

TEST(SamplerChain, TopNSigmaCutsByTheSpreadOfTheLogits) {
  // Mean 2, standard deviation 2: 4, 4, 4, 0, 0, 0 and nothing counts -inf in.
  const std::vector<float> logits = {4, 0, 4, 0, 4, 0, -kInf};
  SamplingParams params = Off();
  for (const auto& [n, expected] : std::vector<std::pair<float, Ids>>{
           {-1.0f, {0, 1, 2, 3, 4, 5}}, {0.0f, {0, 1, 2, 3, 4, 5}}, {1.9f, {0, 2, 4}}, {2.0f, {0, 1, 2, 3, 4, 5}}}) {
    params.top_n_sigma = n;
    EXPECT_EQ(Drawn(logits, params), expected) << n;
  }
}

TEST(SamplerChain, TypicalKeepsWhatIsNearTheEntropy) {
  // Entropy 1.28 nats; information 0.69, 1.39, 2.08, 2.08: the second is the most typical, then the first.
  const std::vector<float> logits = LogitsOf({0.5, 0.25, 0.125, 0.125});
  SamplingParams params = Off();
  for (const auto& [p, expected] : std::vector<std::pair<float, Ids>>{
           {0.0f, {1}}, {0.2f, {1}}, {0.3f, {0, 1}}, {0.74f, {0, 1}}, {0.8f, {0, 1, 2}}, {1.0f, {0, 1, 2, 3}}}) {
    params.typical_p = p;
    EXPECT_EQ(Drawn(logits, params), expected) << p;
  }
  // Greedy takes the best of what it left, which need not be the most probable.
  params.temperature = 0;
  params.typical_p = 0.2f;
  EXPECT_EQ(Drawn(logits, params), Ids{1});
}

TEST(SamplerChain, XtcDropsAllAboveTheThresholdButTheLeastProbable) {
  const std::vector<float> logits = LogitsOf({0.1, 0.4, 0.05, 0.3, 0.15});
  SamplingParams params = Off();
  params.xtc_probability = 1;
  for (const auto& [threshold, expected] : std::vector<std::pair<float, Ids>>{{0.06f, {0, 2}},
                                                                              {0.12f, {0, 2, 4}},
                                                                              {0.2f, {0, 2, 3, 4}},
                                                                              {0.35f, {0, 1, 2, 3, 4}},
                                                                              {0.51f, {0, 1, 2, 3, 4}}}) {
    params.xtc_threshold = threshold;
    EXPECT_EQ(Drawn(logits, params), expected) << threshold;
  }
  params.xtc_threshold = 0.2f;
  params.temperature = 0;
  EXPECT_EQ(Drawn(logits, params), Ids{3});
}

TEST(SamplerChain, XtcHappensAsOftenAsAsked) {
  const std::vector<float> logits = LogitsOf({0.5, 0.5});
  SamplingParams params = Off();
  params.temperature = 0;  // without it id 0, with it id 1
  params.xtc_probability = 0.3f;
  Sampler sampler(2);
  int dropped = 0;
  for (int i = 0; i < 10'000; ++i) dropped += sampler.Sample(logits, params, {0, i});
  EXPECT_NEAR(dropped, 3000, 200);
}

TEST(SamplerChain, RepeatPenaltyDividesPositiveAndMultipliesNegativeLogits) {
  const int32_t history[] = {0, 1, 1, 1};
  SamplingParams params = Off();
  params.temperature = 0;
  params.repeat_penalty = 2;
  Sampler sampler(3);
  const auto best = [&](std::vector<float> logits) { return sampler.Sample(logits, params, {.history = history}); };
  EXPECT_EQ(best({3, -9, 1.4f}), 0);  // 1.5
  EXPECT_EQ(best({3, -9, 1.6f}), 2);
  EXPECT_EQ(best({-1, -9, -1.9f}), 2);  // -2
  EXPECT_EQ(best({-1, -9, -2.1f}), 0);
}

TEST(SamplerChain, FrequencyCountsAndPresenceDoesNot) {
  const int32_t history[] = {2, 0, 1, 1, 1};
  SamplingParams params = Off();
  params.temperature = 0;
  params.frequency_penalty = 0.5f;
  Sampler sampler(3);
  const auto best = [&](std::vector<float> logits) { return sampler.Sample(logits, params, {.history = history}); };
  EXPECT_EQ(best({1, 1.9f, 0}), 0);  // 0.5 against 0.4
  EXPECT_EQ(best({1, 2.1f, 0}), 1);
  params.frequency_penalty = 0;
  params.presence_penalty = 0.5f;
  EXPECT_EQ(best({1, 1.1f, 0}), 1);
  // Only the last tokens count.
  params.repeat_last_n = 4;
  EXPECT_EQ(best({1, 1.1f, 0.7f}), 2);
  params.repeat_last_n = 0;
  EXPECT_EQ(best({1, 1.1f, 0.7f}), 1);
  params.repeat_last_n = -1;
  EXPECT_EQ(best({1, 1.1f, 0.7f}), 1);
}

TEST(SamplerChain, PenaltiesAfterTopKTouchTheSameTokens) {
  const int32_t history[] = {0, 1};
  SamplingParams params = Off();
  params.top_k = 2;
  params.presence_penalty = 100;
  EXPECT_EQ(Drawn({5, 4, 3, 2, 1}, params, {.history = history}), (Ids{2, 3}));
  params.steps = {SamplerStep::kTopK, SamplerStep::kPenalties, SamplerStep::kTemperature};
  EXPECT_EQ(Drawn({5, 4, 3, 2, 1}, params, {.history = history}), (Ids{0, 1}));
  params.frequency_penalty = -2;  // the same for both: nothing changes between them
  params.temperature = 0;
  EXPECT_EQ(Drawn({5, 4, 3, 2, 1}, params, {.history = history}), Ids{0});
}

TEST(SamplerChain, TemperatureFirstChangesWhatTheOthersSee) {
  const std::vector<float> logits = LogitsOf({0.6, 0.2, 0.1, 0.1});
  SamplingParams params = Off();
  params.min_p = 0.5f;
  params.temperature = 10;
  EXPECT_EQ(Drawn(logits, params), Ids{0});
  params.steps = {SamplerStep::kTemperature, SamplerStep::kMinP};
  EXPECT_EQ(Drawn(logits, params), (Ids{0, 1, 2, 3}));
  params.steps = {SamplerStep::kMinP};
  EXPECT_EQ(Drawn(logits, params), Ids{0});
  params.steps = {};
  params.temperature = 0;  // no step heeds it
  EXPECT_EQ(Drawn(logits, params), (Ids{0, 1, 2, 3}));
}

TEST(SamplerChain, GreedyFirstIsFinal) {
  const int32_t history[] = {1};
  SamplingParams params = Off();
  params.temperature = 0;
  params.presence_penalty = 100;
  EXPECT_EQ(Drawn({0, 3, 2}, params, {.history = history}), Ids{2});
  params.steps = {SamplerStep::kTemperature, SamplerStep::kPenalties};
  EXPECT_EQ(Drawn({0, 3, 2}, params, {.history = history}), Ids{1});
}

TEST(SamplerChain, BiasIsAddedBeforeEverything) {
  SamplingParams params = Off();
  params.logit_bias = {{0, -kInf}, {2, 5}};
  EXPECT_EQ(Drawn({3, 2, 1}, params), (Ids{1, 2}));
  params.top_k = 1;
  EXPECT_EQ(Drawn({3, 2, 1}, params), Ids{2});
  params.logit_bias = {{0, -kInf}, {1, -kInf}, {2, -kInf}};  // nothing is left: some token all the same
  EXPECT_EQ(Drawn({3, 2, 1}, params).size(), 1u);
}

TEST(SamplerChain, MaskedTokensAreNeverDrawn) {
  std::vector<float> logits(130);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(i % 7);
  std::vector<uint64_t> mask(3);
  for (const int id : {3, 64, 129}) mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  for (const int top_k : {0, 1, 2, 40}) {
    for (const float temperature : {0.0f, 1.0f}) {
      SamplingParams params = Off();
      params.top_k = top_k;
      params.temperature = temperature;
      const Ids ids = Drawn(logits, params, {.allowed = mask});
      for (const int32_t id : ids) EXPECT_TRUE(id == 3 || id == 64 || id == 129) << id;
      EXPECT_EQ(ids.size(), temperature == 0 || top_k == 1 ? 1u : top_k == 2 ? 2u : 3u);
    }
  }
  // No finite logit among the allowed.
  for (const int id : {3, 64, 129}) logits[static_cast<size_t>(id)] = -kInf;
  EXPECT_EQ(Drawn(logits, Off(), {.allowed = mask}), Ids{3});
}

TEST(SamplerChain, ChecksNameTheSettingAndItsRange) {
  const auto message = [](auto&& change) {
    SamplingParams params;
    change(params);
    return CheckSampling(params, 100).message();
  };
  EXPECT_EQ(message([](SamplingParams&) {}), "");
  EXPECT_EQ(message([](SamplingParams& p) { p.top_p = 1.5f; }), "the sampling setting top_p is 1.5, expected 0 to 1");
  EXPECT_NE(message([](SamplingParams& p) { p.temperature = NAN; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.repeat_penalty = 0; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.dry_base = 0.5f; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.dry_allowed_length = 0; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.xtc_threshold = -1; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.repeat_last_n = -2; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.logit_bias = {{100, 1}}; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.logit_bias = {{0, kInf}}; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.dry_sequence_breakers = {""}; }), "");
  EXPECT_NE(message([](SamplingParams& p) { p.steps = {SamplerStep::kTopK, SamplerStep::kTopK}; }), "");
  EXPECT_EQ(message([](SamplingParams& p) { p.steps = {}; }), "");
}

TEST(SamplerChain, StepsByName) {
  const auto steps = ParseSamplerSteps("top_k;temperature");
  ASSERT_TRUE(steps.ok());
  EXPECT_EQ(*steps, (std::vector<SamplerStep>{SamplerStep::kTopK, SamplerStep::kTemperature}));
  std::string all;
  for (const SamplerStep step : SamplingParams().steps)
    all += std::string(all.empty() ? "" : ";") + SamplerStepName(step);
  EXPECT_EQ(all, "penalties;dry;top_n_sigma;top_k;typ_p;top_p;min_p;xtc;temperature");  // llama.cpp's default
  EXPECT_EQ(*ParseSamplerSteps(all), SamplingParams().steps);
  EXPECT_EQ(*ParseSamplerSteps("penalties;dry;top-n-sigma;top-k;typical;nucleus;min-p;xtc;temp"),
            SamplingParams().steps);
  for (const char* wrong : {"topk", "typ_p;typical", "top_k;;temperature", "top_k;top_k", " top_k"}) {
    EXPECT_FALSE(ParseSamplerSteps(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace lacuna
