// Several sessions on one model from several threads, in any interleaving, give what one alone gives.
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/parity.h"

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

}  // namespace
}  // namespace lacuna
