// Ten thousand requests on one session take no more memory than a few.
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>

#include "tests/support/parity.h"
#include "tests/support/sanitizers.h"

namespace lacuna {
namespace {

using namespace testing;

// Bytes that the program holds: of malloc, and of mappings whoever made them.
size_t Allocated() { return mallinfo2().uordblks + mallinfo2().hblkhd; }
long MappedPages() {
  std::ifstream in("/proc/self/statm");
  long pages = 0;
  in >> pages;
  return pages;
}

TEST(ManyRequests, TakeNoMoreMemoryThanAFew) {
  if (LACUNA_SANITIZED) GTEST_SKIP() << "malloc is the sanitizer's";
  const TempDir root;
  const ParityCase c = LoadParityCase("mistral_window", root);
  ModelOptions model_options;
  model_options.threads = 1;
  const auto model = Model::Load(c.folder, model_options);
  ASSERT_TRUE(model.ok()) << model.status().message();
  const auto session = Session::Create(*model, {.context_length = 128, .max_lanes = 2});
  ASSERT_TRUE(session.ok()) << session.status().message();

  GenerateOptions options;
  options.max_tokens = 2;
  options.ignore_eos = true;
  options.logprobs = 1;
  options.sampling.repeat_penalty = 1.1F;
  options.sampling.temperature = 0.8F;
  // A lane for each; every tenth is forked, every seventh is called off before its first token.
  const auto request = [&](int i) {
    options.request = static_cast<uint64_t>(i);
    const std::atomic<bool> cancelled = i % 7 == 0;
    options.cancel = &cancelled;
    const auto lane = (*session)->NewLane();
    if (!lane.ok()) return false;
    const auto g = Generate(**session, *lane, std::span(c.ids).subspan(static_cast<size_t>(i % 16), 5), options);
    bool ok = g.ok() && (g->finish_reason == FinishReason::kCancelled) == cancelled;
    if (i % 10 == 0) {
      const auto other = (*session)->Fork(*lane);
      ok = ok && other.ok() && (*session)->Append(*other, std::span(c.ids).first(1)).ok() &&
           (*session)->CloseLane(*other).ok();
    }
    return (*session)->CloseLane(*lane).ok() && ok;
  };
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(request(i)) << i;
  const size_t bytes = Allocated();
  const long pages = MappedPages();
  for (int i = 200; i < 10'200; ++i) ASSERT_TRUE(request(i)) << i;
  EXPECT_LE(Allocated(), bytes + 4096);
  EXPECT_LE(MappedPages(), pages + 16);
}

}  // namespace
}  // namespace lacuna
