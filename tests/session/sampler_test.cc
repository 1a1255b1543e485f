// Which tokens each rule leaves, how often each is drawn, and that a draw depends on nothing but its arguments.
#include "session/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>
#include <random>
#include <set>

namespace lacuna {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

SamplingParams Off() { return {.temperature = 1.0f, .top_k = 0, .top_p = 1.0f, .min_p = 0.0f, .seed = 1}; }

std::vector<float> LogitsOf(const std::vector<double>& probabilities) {
  std::vector<float> logits;
  for (double p : probabilities) logits.push_back(static_cast<float>(std::log(p)));
  return logits;
}

std::map<int32_t, int> Draw(const std::vector<float>& logits, const SamplingParams& params, int draws) {
  Sampler sampler(static_cast<int>(logits.size()));
  std::map<int32_t, int> counts;
  for (int i = 0; i < draws; ++i) ++counts[sampler.Sample(logits, params, {0, i})];
  return counts;
}

std::set<int32_t> Drawn(const std::vector<float>& logits, const SamplingParams& params) {
  std::set<int32_t> ids;
  for (const auto& [id, count] : Draw(logits, params, 3000)) ids.insert(id);
  return ids;
}

// Pearson's statistic over the expected probabilities; ids without any must not be drawn.
double ChiSquare(const std::map<int32_t, int>& counts, const std::vector<double>& probabilities, int draws) {
  double chi2 = 0;
  for (size_t id = 0; id < probabilities.size(); ++id) {
    const auto at = counts.find(static_cast<int32_t>(id));
    const double seen = at == counts.end() ? 0 : at->second, expected = draws * probabilities[id];
    if (expected == 0) {
      EXPECT_EQ(seen, 0) << "id " << id;
    } else {
      chi2 += (seen - expected) * (seen - expected) / expected;
    }
  }
  return chi2;
}

std::vector<double> Normalized(std::vector<double> weights) {
  double sum = 0;
  for (double w : weights) sum += w;
  for (double& w : weights) w /= sum;
  return weights;
}

TEST(Sampler, GreedyTakesTheHighestAndTheLowestIdOfATie) {
  Sampler sampler(5);
  SamplingParams params = Off();
  for (float temperature : {0.0f, -1.0f, 1e-40f, std::nanf("")}) {
    params.temperature = temperature;
    EXPECT_EQ(sampler.Sample(std::vector<float>{1, 3, 2, 3, -1}, params, {0, 0}), 1);
    EXPECT_EQ(sampler.Sample(std::vector<float>{-0.0f, 0.0f, -0.0f, 0.0f, -1}, params, {0, 0}), 0);
    EXPECT_EQ(sampler.Sample(std::vector<float>{-kInf, -5, -kInf, -5, -6}, params, {0, 0}), 1);
  }
  params.temperature = 1;
  params.top_k = 1;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sampler.Sample(std::vector<float>{1, 3, 2, 3, -1}, params, {0, i}), 1);
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  const std::vector<double> p = {0.05, 0.3, 0.01, 0.24, 0.1, 0.2, 0.1};
  const int draws = 100'000;
  EXPECT_LT(ChiSquare(Draw(LogitsOf(p), Off(), draws), p, draws), 22.5);  // 6 degrees of freedom, p = 0.001
}

TEST(Sampler, TemperatureSharpensAndFlattens) {
  const std::vector<double> p = {0.05, 0.3, 0.01, 0.24, 0.1, 0.2, 0.1};
  for (float temperature : {0.5f, 0.8f, 2.0f}) {
    SamplingParams params = Off();
    params.temperature = temperature;
    std::vector<double> expected;
    for (double x : p) expected.push_back(std::pow(x, 1.0 / temperature));
    const int draws = 100'000;
    EXPECT_LT(ChiSquare(Draw(LogitsOf(p), params, draws), Normalized(expected), draws), 22.5) << temperature;
  }
}

TEST(Sampler, TinyTemperatureIsGreedy) {
  SamplingParams params = Off();
  params.temperature = 1e-30f;
  EXPECT_EQ(Drawn({1.0f, 1.5f, 1.4999f, -3.0f}, params), std::set<int32_t>{1});
  EXPECT_EQ(Drawn({1.0f, 1.5f, 1.5f, -3.0f}, params), (std::set<int32_t>{1, 2}));  // a tie stays a tie
}

TEST(Sampler, TopKKeepsTheHighestWithTiesToTheLowestId) {
  SamplingParams params = Off();
  const std::vector<float> logits = {0.5f, 2, 1, 1, 1.5f, 1, 0.9f};
  params.top_k = 2;
  EXPECT_EQ(Drawn(logits, params), (std::set<int32_t>{1, 4}));
  params.top_k = 3;
  EXPECT_EQ(Drawn(logits, params), (std::set<int32_t>{1, 2, 4}));
  params.top_k = 4;
  EXPECT_EQ(Drawn(logits, params), (std::set<int32_t>{1, 2, 3, 4}));
  for (int off : {0, -1, 7, 1000}) {
    params.top_k = off;
    EXPECT_EQ(Drawn(logits, params).size(), 7u) << off;
  }
}

TEST(Sampler, TopPKeepsTheShortestPrefix) {
  const std::vector<float> logits = LogitsOf({0.1, 0.4, 0.05, 0.3, 0.15});
  const std::pair<float, std::set<int32_t>> cases[] = {
      {0.0f, {1}},        {0.39f, {1}},          {0.41f, {1, 3}},          {0.69f, {1, 3}},
      {0.71f, {1, 3, 4}}, {0.86f, {0, 1, 3, 4}}, {0.96f, {0, 1, 2, 3, 4}}, {1.0f, {0, 1, 2, 3, 4}}};
  for (const auto& [top_p, expected] : cases) {
    SamplingParams params = Off();
    params.top_p = top_p;
    EXPECT_EQ(Drawn(logits, params), expected) << top_p;
  }
}

TEST(Sampler, TopPTiesGoToTheLowestId) {
  SamplingParams params = Off();
  params.top_p = 0.6f;
  EXPECT_EQ(Drawn({0, 0, 0, 0}, params), (std::set<int32_t>{0, 1, 2}));
}

TEST(Sampler, TopPCountsTheProbabilitiesThatTopKLeft) {
  // Of 0.4, 0.3 (sum 0.7) the first alone is 0.57.
  const std::vector<float> logits = LogitsOf({0.1, 0.4, 0.05, 0.3, 0.15});
  SamplingParams params = Off();
  params.top_k = 2;
  params.top_p = 0.55f;
  EXPECT_EQ(Drawn(logits, params), std::set<int32_t>{1});
  params.top_p = 0.6f;
  EXPECT_EQ(Drawn(logits, params), (std::set<int32_t>{1, 3}));
}

TEST(Sampler, MinPComparesWithTheHighest) {
  const std::vector<float> logits = LogitsOf({0.1, 0.4, 0.05, 0.3, 0.15});
  const std::pair<float, std::set<int32_t>> cases[] = {
      {0.12f, {0, 1, 2, 3, 4}}, {0.13f, {0, 1, 3, 4}}, {0.3f, {1, 3, 4}}, {0.7f, {1, 3}}, {0.8f, {1}}, {5.0f, {1}}};
  for (const auto& [min_p, expected] : cases) {
    SamplingParams params = Off();
    params.min_p = min_p;
    EXPECT_EQ(Drawn(logits, params), expected) << min_p;
    params.top_k = 4;  // the sorted way: without id 2
    std::set<int32_t> sorted = expected;
    sorted.erase(2);
    EXPECT_EQ(Drawn(logits, params), sorted) << min_p;
  }
}

// The rules choose before the temperature: a high one must not let more tokens in.
TEST(Sampler, TemperatureComesLast) {
  const std::vector<double> p = {0.1, 0.4, 0.05, 0.3, 0.15};
  SamplingParams params = Off();
  params.temperature = 10;
  params.top_p = 0.6f;
  const int draws = 50'000;
  const std::vector<double> expected = Normalized({0, std::pow(0.4, 0.1), 0, std::pow(0.3, 0.1), 0});
  EXPECT_LT(ChiSquare(Draw(LogitsOf(p), params, draws), expected, draws), 10.8);  // 1 degree, p = 0.001
  params.top_p = 1;
  params.min_p = 0.3f;
  EXPECT_EQ(Drawn(LogitsOf(p), params), (std::set<int32_t>{1, 3, 4}));
}

// The unsorted way of top_p (heap) against a plain sort, on a vocabulary with many ties.
TEST(Sampler, TopPOnALargeVocabularyIsTheSortedPrefix) {
  const int vocab = 2000;
  std::mt19937 random(11);
  std::vector<float> logits(vocab);
  for (float& x : logits) x = static_cast<float>(static_cast<int>(random() % 64)) / 8;
  std::vector<int32_t> order(vocab);
  for (int i = 0; i < vocab; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  double total = 0, sum = 0;
  for (float x : logits) total += std::exp(double{x});
  size_t kept = 0;
  while (sum < 0.05 * total) sum += std::exp(double{logits[order[kept++]]});
  SamplingParams params = Off();
  params.top_p = 0.05f;
  params.temperature = 1e6f;  // all of them about equally often
  const auto counts = Draw(logits, params, 1500);
  std::set<int32_t> expected(order.begin(), order.begin() + static_cast<ptrdiff_t>(kept));
  ASSERT_LT(kept, 100u);
  for (const auto& [id, count] : counts) EXPECT_TRUE(expected.count(id)) << id;
  EXPECT_EQ(counts.size(), expected.size());
}

TEST(Sampler, ADrawDependsOnItsArgumentsAlone) {
  const int vocab = 1000;
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> a(vocab), b(vocab);
  for (float& x : a) x = normal(random);
  for (float& x : b) x = normal(random);
  const SamplingParams params{.seed = 42};
  Sampler fresh(vocab), used(vocab);
  for (int i = 0; i < 50; ++i) {
    used.Sample(b, Off(), {9, i});  // leaves other candidates in the scratch
    EXPECT_EQ(fresh.Sample(a, params, {3, i}), used.Sample(a, params, {3, i}));
  }
  int seeds = 0, requests = 0, positions = 0;
  for (int i = 0; i < 50; ++i) {
    const int32_t id = fresh.Sample(a, Off(), {3, i});
    SamplingParams other = Off();
    other.seed = 2;
    seeds += fresh.Sample(a, other, {3, i}) != id;
    requests += fresh.Sample(a, Off(), {4, i}) != id;
    positions += fresh.Sample(a, Off(), {3, i + 1000}) != id;
  }
  EXPECT_GT(seeds, 40);
  EXPECT_GT(requests, 40);
  EXPECT_GT(positions, 40);
}

TEST(Sampler, ShiftOfAllLogitsChangesNothing) {
  std::vector<float> logits = {0, 1, 2, 3, -4, 2.5f}, shifted = logits;
  for (float& x : shifted) x += 64;  // exact
  Sampler sampler(6);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(sampler.Sample(logits, Off(), {0, i}), sampler.Sample(shifted, Off(), {0, i}));
  }
}

TEST(Sampler, OddLogitsNeverLeaveTheVocabulary) {
  const float nan = std::nanf("");
  const SamplingParams defaults;
  for (const std::vector<float>& logits : std::vector<std::vector<float>>{
           {nan, nan, nan}, {-kInf, -kInf, -kInf}, {kInf, 0, kInf}, {nan, -kInf, 1}, {3e38f, -3e38f, 0}, {7}}) {
    Sampler sampler(static_cast<int>(logits.size()));
    for (const SamplingParams& params : {defaults, Off()}) {
      for (int i = 0; i < 20; ++i) {
        const int32_t id = sampler.Sample(logits, params, {0, i});
        ASSERT_GE(id, 0);
        ASSERT_LT(id, static_cast<int32_t>(logits.size()));
      }
    }
  }
  Sampler sampler(3);
  EXPECT_EQ(sampler.Sample(std::vector<float>{nan, -kInf, 1}, defaults, {0, 0}), 2);
  EXPECT_EQ(sampler.Sample(std::vector<float>{kInf, 0, kInf}, defaults, {0, 0}), 0);
}

// Tokens without any chance are never drawn, whatever the uniform number.
TEST(Sampler, ImpossibleTokensAreNeverDrawn) {
  EXPECT_EQ(Drawn({-kInf, 0, -200, 0, -kInf}, Off()), (std::set<int32_t>{1, 3}));
}

TEST(Sampler, TimeOnALargeVocabulary) {
  const int vocab = 128'256;
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(vocab);
  for (float& x : logits) x = normal(random);
  Sampler sampler(vocab);
  const std::pair<const char*, SamplingParams> cases[] = {
      {"greedy", {.temperature = 0}}, {"defaults", {}}, {"top_p 0.95 alone", {.top_k = 0}}, {"all off", Off()}};
  for (const auto& [name, params] : cases) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i) sampler.Sample(logits, params, {0, i});
    const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() / 10;
    std::printf("sample of %d, %s: %.0f us\n", vocab, name, us);
    EXPECT_LT(us, 200'000) << name;
  }
}

}  // namespace
}  // namespace lacuna
