// Many greedy continuations at once are what Generate gives one by one, at any batch.
#include "compress/greedy_batch.h"

#include <gtest/gtest.h>

#include "lacuna/generate.h"
#include "tests/support/parity.h"

namespace lacuna {
namespace {

using namespace testing;

class GreedyBatch : public ::testing::Test {
 protected:
  void SetUp() override {
    c_ = LoadParityCase("qwen2", root_);
    model_ = MustLoad(c_.folder, Numerics::kDefault, 2);
    ASSERT_TRUE(model_);
    for (int i = 0; i < 9; ++i) {
      const int length = 1 + (i * 37) % 90;
      jobs_.push_back({.prompt = {c_.ids.begin() + i, c_.ids.begin() + i + length}, .max_tokens = 1 + i * 3});
    }
  }
  std::vector<std::vector<int32_t>> OneByOne() const {
    std::vector<std::vector<int32_t>> out;
    const auto session = MustCreate(model_, {.context_length = 256});
    const LaneId lane = *session->NewLane();
    for (const GreedyJob& job : jobs_) {
      EXPECT_TRUE(session->Rollback(lane, 0).ok());
      const auto g =
          Generate(*session, lane, job.prompt, {.max_tokens = job.max_tokens, .sampling = {.temperature = 0}});
      EXPECT_TRUE(g.ok()) << g.status().message();
      out.push_back(g->ids);
    }
    return out;
  }

  TempDir root_;
  ParityCase c_;
  std::shared_ptr<const Model> model_;
  std::vector<GreedyJob> jobs_;
};

TEST_F(GreedyBatch, IsWhatGenerateGives) {
  const auto want = OneByOne();
  for (int rows : {512, 64, 5, 1}) {
    for (int lanes : {32, 4, 1}) {
      int64_t last = 0, whole = 0;
      const auto got = ContinueGreedily(model_, jobs_,
                                        {.session = {.max_rows = rows},
                                         .max_lanes = lanes,
                                         .progress = [&](int64_t done, int64_t total) { last = done, whole = total; }});
      ASSERT_TRUE(got.ok()) << got.status().message();
      EXPECT_EQ(*got, want) << rows << " rows, " << lanes << " lanes";
      EXPECT_EQ(last, whole);
    }
  }
}

TEST_F(GreedyBatch, BadJobsAreErrors) {
  const auto fails = [&](GreedyJob job) {
    const auto got = ContinueGreedily(model_, {job}, {});
    EXPECT_FALSE(got.ok());
    EXPECT_EQ(got.status().code(), StatusCode::kInvalidInput);
  };
  fails({.prompt = {}, .max_tokens = 3});
  fails({.prompt = {1}, .max_tokens = 0});
  fails({.prompt = {1 << 20}, .max_tokens = 1});
  fails({.prompt = std::vector<int32_t>(static_cast<std::size_t>(model_->info().context_length), 1), .max_tokens = 2});
  const auto nothing = ContinueGreedily(model_, {}, {});
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->empty());
  std::atomic<bool> cancel{true};
  EXPECT_EQ(ContinueGreedily(model_, jobs_, {.cancel = &cancel}).status().code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace lacuna
