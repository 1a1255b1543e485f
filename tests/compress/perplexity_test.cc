// Perplexity and divergence on tiny models: what score says, the definitions in double, and the same at any batch.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "lacuna/lacuna.h"
#include "model/pack_model.h"
#include "tests/support/parity.h"

namespace lacuna {
namespace {

using namespace testing;

class Perplexity : public ::testing::Test {
 protected:
  void SetUp() override {
    c_ = LoadParityCase("llama_default", root_);
    c_.ids.resize(kTokens);
    model_ = MustLoad(c_.folder, Numerics::kDefault, 2);
    ASSERT_TRUE(model_);
    packed_folder_ = root_.path() + "/packed";
    std::filesystem::create_directory(packed_folder_);
    ASSERT_TRUE(PackModel(c_.folder, packed_folder_, {.codec = *ParseCodec("int4"), .threads = 1}).ok());
    packed_ = MustLoad(packed_folder_, Numerics::kDefault, 1);
    ASSERT_TRUE(packed_);
  }
  // -log p of ids[first..end) on an empty lane that holds ids[begin..end).
  std::vector<double> Scored(const std::shared_ptr<const Model>& model, std::vector<int32_t> ids, int64_t first) const {
    const auto session = MustCreate(model, {.context_length = kTokens, .max_logits = 64});
    const auto score = ScoreTokens(*session, *session->NewLane(), ids);
    EXPECT_TRUE(score.ok());
    std::vector<double> out;
    for (std::size_t i = static_cast<std::size_t>(first); i < ids.size(); ++i) out.push_back(-score->logprobs[i]);
    return out;
  }
  std::vector<int32_t> Ids(int64_t begin, int64_t end) const { return {c_.ids.begin() + begin, c_.ids.begin() + end}; }
  PerplexityReport Measure(const std::shared_ptr<const Model>& model, const std::shared_ptr<const Model>& reference,
                           const PerplexityOptions& options, const EvalOptions& eval = {}) const {
    const auto report = EvaluatePerplexity(model, reference, c_.ids, options, eval);
    EXPECT_TRUE(report.ok()) << report.status().message();
    return report.ok() ? *report : PerplexityReport();
  }

  static constexpr int kTokens = 200;
  TempDir root_;
  ParityCase c_;
  std::string packed_folder_;
  std::shared_ptr<const Model> model_, packed_;
};

double Mean(const std::vector<double>& x) {
  double sum = 0;
  for (double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

TEST_F(Perplexity, IsWhatScoreSays) {
  const std::vector<double> nll = Scored(model_, c_.ids, 1);
  const PerplexityReport report = Measure(model_, nullptr, {.window = kTokens});
  EXPECT_EQ(report.tokens, kTokens - 1);
  EXPECT_EQ(report.windows, 1);
  EXPECT_EQ(report.perplexity.value, std::exp(Mean(nll)));
  double squares = 0;
  for (double v : nll) squares += (v - Mean(nll)) * (v - Mean(nll));
  const double error = std::sqrt(squares / (kTokens - 2) / (kTokens - 1));
  EXPECT_NEAR(std::log(report.perplexity.high / report.perplexity.value), 1.959964 * error, 1e-6);
  EXPECT_NEAR(std::log(report.perplexity.value / report.perplexity.low), 1.959964 * error, 1e-6);
}

TEST_F(Perplexity, StridedWindowsAreScoredByThemselves) {
  std::vector<double> nll = Scored(model_, Ids(0, 80), 1);
  for (const auto& [begin, end] : {std::pair{50, 130}, {100, 180}, {150, 200}}) {
    const std::vector<double> more = Scored(model_, Ids(begin, end), 30);
    nll.insert(nll.end(), more.begin(), more.end());
  }
  const PerplexityReport report = Measure(model_, nullptr, {.window = 80, .stride = 50});
  EXPECT_EQ(report.windows, 4);
  EXPECT_EQ(report.tokens, kTokens - 1);
  EXPECT_NEAR(report.perplexity.value, std::exp(Mean(nll)), 1e-9);
}

TEST_F(Perplexity, LlamaCppsWindowsCountTheirSecondHalf) {
  std::vector<double> nll = Scored(model_, Ids(0, 64), 33);
  for (int begin : {64, 128}) {
    const std::vector<double> more = Scored(model_, Ids(begin, begin + 64), 33);
    nll.insert(nll.end(), more.begin(), more.end());
  }
  const PerplexityReport report = Measure(model_, nullptr, {.rule = CountingRule::kLlamaCpp, .window = 64});
  EXPECT_EQ(report.tokens, 3 * 31);
  EXPECT_NEAR(report.perplexity.value, std::exp(Mean(nll)), 1e-9);
}

TEST_F(Perplexity, AModelDoesNotDivergeFromItself) {
  const PerplexityReport report = Measure(model_, model_, {.window = 64});
  ASSERT_TRUE(report.divergence);
  EXPECT_EQ(report.divergence->kl.value, 0);
  EXPECT_EQ(report.divergence->kl.high, 0);
  EXPECT_EQ(report.divergence->kl_p99, 0);
  EXPECT_EQ(report.divergence->top1, 1);
  EXPECT_EQ(report.divergence->ratio.value, 1);
  EXPECT_EQ(report.divergence->reference_perplexity.value, report.perplexity.value);
}

TEST_F(Perplexity, DivergenceByItsDefinition) {
  const auto logits_of = [&](const std::shared_ptr<const Model>& model) {
    const auto session = MustCreate(model, {.context_length = kTokens, .max_logits = 64});
    return AllLogits(*session, c_.ids, 64);
  };
  const auto q = logits_of(packed_), p = logits_of(model_);
  const auto log_sum = [](const std::vector<float>& x) {
    double sum = 0;
    for (float v : x) sum += std::exp(double{v});
    return std::log(sum);
  };
  std::vector<double> kls, differences;
  int same = 0;
  for (std::size_t i = 0; i + 1 < p.size(); ++i) {
    const double lp = log_sum(p[i]), lq = log_sum(q[i]);
    double kl = 0;
    for (std::size_t v = 0; v < p[i].size(); ++v) kl += std::exp(p[i][v] - lp) * (p[i][v] - lp - (q[i][v] - lq));
    kls.push_back(kl);
    const auto next = static_cast<std::size_t>(c_.ids[i + 1]);
    differences.push_back((p[i][next] - lp) - (q[i][next] - lq));
    same += std::max_element(p[i].begin(), p[i].end()) - p[i].begin() ==
            std::max_element(q[i].begin(), q[i].end()) - q[i].begin();
  }
  const PerplexityReport report = Measure(packed_, model_, {.window = kTokens});
  ASSERT_TRUE(report.divergence);
  const Divergence& d = *report.divergence;
  EXPECT_GT(d.kl.value, 1e-4) << "4 bits change something";
  EXPECT_NEAR(d.kl.value, Mean(kls), 1e-6);
  EXPECT_LT(d.kl.low, d.kl.value);
  std::sort(kls.begin(), kls.end());
  const double rank = 0.99 * static_cast<double>(kls.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  EXPECT_NEAR(d.kl_p99, kls[below] + (rank - static_cast<double>(below)) * (kls[below + 1] - kls[below]), 1e-6);
  EXPECT_NEAR(d.ratio.value, std::exp(Mean(differences)), 1e-6);
  EXPECT_NEAR(d.ratio.value, report.perplexity.value / d.reference_perplexity.value, 1e-9);
  EXPECT_DOUBLE_EQ(d.top1, same / static_cast<double>(kls.size()));
}

TEST_F(Perplexity, TheSameAtAnyBatchAndThreadCount) {
  for (const Numerics numerics : {Numerics::kDefault, Numerics::kF32}) {
    // Packed weights have no f32 form.
    const std::string& folder = numerics == Numerics::kF32 ? c_.folder : packed_folder_;
    const PerplexityOptions options = {.window = 50, .stride = 20};
    const auto measure = [&](int threads, const EvalOptions& eval) {
      return Measure(MustLoad(folder, numerics, threads), model_, options, eval);
    };
    const PerplexityReport want = measure(2, {});
    struct Case {
      int threads, rows, lanes;
      int64_t memory;
    };
    for (const Case& c :
         {Case{1, 512, 32, 1 << 30}, {2, 1, 32, 1 << 30}, {2, 7, 3, 1 << 30}, {1, 300, 1, 1 << 30}, {2, 64, 32, 1}}) {
      const PerplexityReport got =
          measure(c.threads, {.session = {.max_rows = c.rows}, .max_lanes = c.lanes, .memory_bytes = c.memory});
      const std::string what = std::to_string(c.threads) + " threads, " + std::to_string(c.rows) + " rows";
      EXPECT_EQ(got.perplexity.value, want.perplexity.value) << what;
      EXPECT_EQ(got.perplexity.high, want.perplexity.high) << what;
      EXPECT_EQ(got.divergence->kl.value, want.divergence->kl.value) << what;
      EXPECT_EQ(got.divergence->kl_p99, want.divergence->kl_p99) << what;
      EXPECT_EQ(got.divergence->ratio.low, want.divergence->ratio.low) << what;
      EXPECT_EQ(got.divergence->top1, want.divergence->top1) << what;
    }
  }
}

TEST_F(Perplexity, ProgressEndsAtItsTotalAndCancelStops) {
  int64_t last = 0, whole = 0;
  EvalOptions eval;
  eval.session.max_rows = 16;
  eval.progress = [&](int64_t done, int64_t total) {
    EXPECT_GT(done, last);
    last = done;
    whole = total;
  };
  Measure(model_, nullptr, {.window = 64}, eval);
  EXPECT_EQ(last, whole);
  std::atomic<bool> cancel{true};
  eval.cancel = &cancel;
  EXPECT_EQ(EvaluatePerplexity(model_, nullptr, c_.ids, {.window = 64}, eval).status().code(), StatusCode::kCancelled);
}

TEST_F(Perplexity, WhatCannotBeMeasuredIsAnError) {
  const auto fails = [&](std::vector<int32_t> ids, const PerplexityOptions& options, const char* says) {
    const auto report = EvaluatePerplexity(model_, nullptr, ids, options);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.status().code(), StatusCode::kInvalidInput);
    EXPECT_NE(report.status().message().find(says), std::string::npos) << report.status().message();
  };
  fails({}, {}, "too few");
  fails({5}, {}, "too few");
  fails({1, 1 << 20, 2}, {}, "vocabulary");
  fails({1, -1, 2}, {}, "vocabulary");
  fails({1, 2, 3}, {.window = 1 << 20}, "context");
}

TEST_F(Perplexity, BytesOfATokenFollowTheCodecAndTheDepth) {
  const auto bf16 = MeasureBytesPerToken(model_, 0), int4 = MeasureBytesPerToken(packed_, 0),
             deep = MeasureBytesPerToken(model_, 150);
  ASSERT_TRUE(bf16.ok() && int4.ok() && deep.ok());
  EXPECT_LT(int4->weights, bf16->weights);
  EXPECT_EQ(deep->weights, bf16->weights);
  EXPECT_GT(deep->kv, bf16->kv);
  EXPECT_FALSE(MeasureBytesPerToken(model_, -1).ok());
  EXPECT_FALSE(MeasureBytesPerToken(model_, model_->info().context_length).ok());
}

}  // namespace
}  // namespace lacuna
