// Text generation on a session's lane.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "lacuna/session.h"
#include "lacuna/status.h"

namespace lacuna {

// llama.cpp's defaults, applied in its order: top_k, top_p, min_p, temperature.
struct SamplingParams {
  float temperature = 0.8f;  // 0 or less: greedy
  int top_k = 40;            // 0: off
  float top_p = 0.95f;       // 1: off
  float min_p = 0.05f;       // 0: off
  uint64_t seed = 0;         // one seed gives one text, at any thread count
};

enum class FinishReason { kStop, kLength, kContext, kCancelled };
const char* FinishReasonName(FinishReason reason);  // "stop", "length", "context", "cancelled"

struct GenerateOptions {
  int64_t max_tokens = -1;  // -1: until an end token or the end of the context
  bool ignore_eos = false;
  SamplingParams sampling;
  uint64_t request = 0;  // tells apart requests of one seed
  // Called after each token; return false to stop (FinishReason::kCancelled).
  std::function<bool(int32_t id)> on_token;
  const std::atomic<bool>* cancel = nullptr;  // looked at between passes
};

struct Generation {
  std::vector<int32_t> ids;  // generated ones only; the end token that stopped it is not among them
  FinishReason finish_reason = FinishReason::kLength;
  int64_t prompt_tokens = 0;
  double prompt_ms = 0;  // up to the first sampled token
  int64_t decode_tokens = 0;
  double decode_ms = 0;
};

// Appends `prompt` to the lane and samples from there. The prompt and the generated tokens stay in the lane, but for
// the last one generated, which nothing has run yet.
Result<Generation> Generate(Session& session, LaneId lane, std::span<const int32_t> prompt,
                            const GenerateOptions& options);

// Natural log of p(ids[i] | ids[..i]) for i >= 1, and the most probable continuations after each prefix.
struct Score {
  std::vector<double> logprobs;  // logprobs[0] is NaN: nothing stands before the first token
  std::vector<std::vector<std::pair<int32_t, double>>> top;  // top[i]: after ids[0..i], best first
};
// Runs `ids` on an empty lane. `top` is how many continuations to keep for each prefix.
Result<Score> ScoreTokens(Session& session, LaneId lane, std::span<const int32_t> ids, int top = 0,
                          const std::function<void(double fraction)>& progress = {});

}  // namespace lacuna
