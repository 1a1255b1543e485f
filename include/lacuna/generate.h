// Text generation on a session's lane.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lacuna/grammar.h"
#include "lacuna/sampling.h"
#include "lacuna/session.h"
#include "lacuna/status.h"

namespace lacuna {

enum class FinishReason { kStop, kLength, kContext, kCancelled };
const char* FinishReasonName(FinishReason reason);  // "stop", "length", "context", "cancelled"

struct GenerateOptions {
  int64_t max_tokens = -1;  // -1: until an end token or the end of the context
  bool ignore_eos = false;  // end tokens are never drawn
  SamplingParams sampling;
  uint64_t request = 0;  // tells apart requests of one seed
  int logprobs = -1;     // 0 or more: log-probabilities of the tokens, and of that many best alternatives for each
  // The text ends before the first of these (FinishReason::kStop); they need a tokenizer.
  std::vector<std::string> stop;
  // Only tokens that go on as the grammar asks are drawn, and end tokens only where it may end; the text ends by itself
  // (FinishReason::kStop) where nothing may follow. The grammar is that of the generated text alone. Needs a tokenizer.
  std::shared_ptr<const Grammar> grammar;
  // Called after each token; return false to stop (FinishReason::kCancelled).
  std::function<bool(int32_t id)> on_token;
  // Called with each piece of text as soon as it is certain (whole characters, and not the beginning of a stop string);
  // return false to stop. Needs a tokenizer.
  std::function<bool(std::string_view text)> on_text;
  const std::atomic<bool>* cancel = nullptr;  // looked at between passes
};

// What the model said before biases, penalties, temperature and grammar.
struct TokenLogprob {
  double logprob = 0;                           // natural log of the token's probability
  std::vector<std::pair<int32_t, double>> top;  // the most probable ones, best first
};

struct Generation {
  std::vector<int32_t> ids;            // generated ones only; the end token that stopped it is not among them
  std::string text;                    // of the ids, cut at a stop string; empty without a tokenizer
  std::vector<TokenLogprob> logprobs;  // one an id, if asked for
  FinishReason finish_reason = FinishReason::kLength;
  int64_t prompt_tokens = 0;
  double prompt_ms = 0;  // up to the first sampled token
  int64_t decode_tokens = 0;
  double decode_ms = 0;
};

// Appends `prompt` to the lane and samples from there. The prompt and the generated tokens stay in the lane, but for
// the last one drawn (an end token, or the last of `ids`), which nothing has run yet. Penalties look at the whole lane.
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
