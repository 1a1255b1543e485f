// Several sessions on one model from several threads, in any interleaving, give what one alone gives.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/parity.h"
#include "tests/support/read_all.h"

namespace lacuna {
namespace {

using namespace testing;

TEST(Sessions, FromSeveralThreadsOnOneModel) {
  const TempDir root;
  ParityCase c = LoadParityCase("llama_default", root);
  c.ids.resize(80);
  const auto model = MustLoad(c.folder, Numerics::kDefault, 2);
  const SessionOptions options{.context_length = 128, .max_rows = 40, .max_logits = 40};
  const auto want = AllLogits(*MustCreate(model, options), c.ids, 40);
  std::vector<std::vector<std::vector<float>>> got(3);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 2; ++round) {
        const auto session = MustCreate(model, options);
        got[static_cast<std::size_t>(t)] = AllLogits(*session, c.ids, 1 + 13 * t);
      }
    });
  }
  for (std::thread& t : threads) t.join();
  for (const auto& rows : got) EXPECT_EQ(rows, want);
}

// What one session does in a life: generates with draws and penalties, forks, generates on both lanes, rolls back,
// saves, restores what it saved, closes lanes. The ids of everything that it drew, and the saved file.
struct Life {
  std::vector<int32_t> ids;
  std::string saved;
};

Life Live(const std::shared_ptr<const Model>& model, std::span<const int32_t> prompt, uint64_t seed,
          const std::string& file) {
  Life life;
  const auto session = MustCreate(model, {.context_length = 192, .max_lanes = 3, .max_rows = 16, .max_logits = 1});
  GenerateOptions options;
  options.max_tokens = 12;
  options.ignore_eos = true;
  options.logprobs = 2;
  options.sampling.seed = seed;
  options.sampling.repeat_penalty = 1.2f;
  const auto generate = [&](LaneId lane, std::span<const int32_t> ids) {
    const auto g = Generate(*session, lane, ids, options);
    EXPECT_TRUE(g.ok()) << g.status().message();
    if (g.ok()) life.ids.insert(life.ids.end(), g->ids.begin(), g->ids.end());
    ++options.request;
  };
  const LaneId lane = *session->NewLane();
  generate(lane, prompt);
  const LaneId fork = *session->Fork(lane);
  generate(lane, prompt.first(1));
  generate(fork, prompt.last(1));
  EXPECT_TRUE(session->Rollback(fork, 70).ok());
  EXPECT_TRUE(session->Save(fork, file).ok());
  EXPECT_TRUE(session->CloseLane(fork).ok());
  const auto restored = session->Restore(file);
  EXPECT_TRUE(restored.ok()) << restored.status().message();
  if (restored.ok()) generate(*restored, prompt.first(2));
  life.saved = ReadAll(file);
  return life;
}

TEST(Sessions, GenerateForkSaveRestoreAndCancelAtOnce) {
  const TempDir root;
  const ParityCase c = LoadParityCase("llama_default", root);
  const auto model = MustLoad(c.folder, Numerics::kDefault, 2);
  const auto prompt = [&](size_t who) { return std::span(c.ids).subspan(who, 64 + who); };
  std::vector<Life> want;
  for (size_t who = 0; who < 2; ++who) want.push_back(Live(model, prompt(who), who, root.File("alone")));
  EXPECT_NE(want[0].ids, want[1].ids);

  std::vector<Life> got(2);
  std::atomic<bool> cancel{false};
  std::atomic<int> stopped{0}, lives{0};
  std::vector<std::thread> threads;
  for (size_t who = 0; who < 2; ++who) {
    threads.emplace_back([&, who] {
      for (int round = 0; round < 2; ++round) {
        got[who] = Live(model, prompt(who), who, root.File("together" + std::to_string(who)));
        ++lives;
      }
    });
  }
  // A third one is stopped from outside again and again while the others live.
  threads.emplace_back([&] {
    const auto session = MustCreate(model, {.context_length = 192, .max_rows = 8, .max_logits = 1});
    const LaneId lane = *session->NewLane();
    do {
      GenerateOptions options;
      options.ignore_eos = true;
      options.cancel = &cancel;
      ASSERT_TRUE(session->Rollback(lane, 0).ok());
      const auto g = Generate(*session, lane, prompt(0), options);
      ASSERT_TRUE(g.ok()) << g.status().message();
      if (g->finish_reason == FinishReason::kCancelled) ++stopped;
      // Whatever a stopped one left behind, the lane goes on as a fresh one does.
      ASSERT_TRUE(session->Rollback(lane, 0).ok());
      options.cancel = nullptr;
      options.max_tokens = 1;
      ASSERT_TRUE(Generate(*session, lane, prompt(1), options).ok());
      cancel = false;
    } while (lives < 4 || stopped == 0);
  });
  while (lives < 4 || stopped == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    cancel = true;
  }
  for (std::thread& t : threads) t.join();
  for (size_t who = 0; who < 2; ++who) {
    EXPECT_EQ(got[who].ids, want[who].ids);
    EXPECT_EQ(got[who].saved, want[who].saved);
  }
}

}  // namespace
}  // namespace lacuna
