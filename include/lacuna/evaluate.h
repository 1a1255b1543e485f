// Quality of a model: perplexity of a text, and divergence from a reference model. tasks.h has answers to questions.
//
// Every evaluation runs through a Session, as chat and score do, many lanes at a time. Its results are the same at any
// number of threads, rows and lanes. Intervals are 95 %.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "lacuna/model.h"
#include "lacuna/session.h"
#include "lacuna/status.h"

namespace lacuna {

struct EvalOptions {
  // Taken as it is, but for context_length, max_lanes and max_logits, which each evaluation chooses.
  SessionOptions session;
  int max_lanes = 32;                       // sequences that run beside each other, memory permitting
  int64_t memory_bytes = int64_t{1} << 30;  // KV cache and logits of a session, at most; one lane always fits
  std::function<void(int64_t done, int64_t total)> progress;  // in tokens; the total is an estimate for answers
  const std::atomic<bool>* cancel = nullptr;                  // looked at between passes; kCancelled
};

struct Estimate {
  double value = 0;
  double low = 0;
  double high = 0;
};

// Which tokens of a text are predicted, and from what.
enum class CountingRule {
  // Windows of `window` tokens, `stride` apart; each predicts the tokens that none before it did. Every token but the
  // first is counted once, with at least window - stride tokens before it (fewer at the start; where the stride is a
  // whole window, each window's first token is not counted). transformers' guide "Perplexity of fixed-length models".
  kHuggingFace,
  // Windows side by side, the rest of the text left out; the first token of each is replaced by BOS where the tokenizer
  // adds one; the window - 1 - window / 2 last ones are counted. llama.cpp's llama-perplexity.
  kLlamaCpp,
};

struct PerplexityOptions {
  CountingRule rule = CountingRule::kHuggingFace;
  int64_t window = 0;  // tokens, 2 to the model's context; 0: the context, at most 1024
  int64_t stride = 0;  // kHuggingFace: 1 to window; 0: half of the window
  int64_t limit = 0;   // windows at most, from the start of the text; 0: all
};

// Against a reference model, over the same tokens. P is the reference's distribution, Q the model's.
struct Divergence {
  Estimate reference_perplexity;
  Estimate ratio;  // perplexity / reference's, from the paired differences of each token
  Estimate kl;     // mean of KL(P || Q), nats a token
  double kl_p99 = 0;
  double top1 = 0;  // share of places where the most probable token is the same
};

struct PerplexityReport {
  Estimate perplexity;  // exp(mean negative log-probability); tokens count as independent, as in llama.cpp's +/-
  int64_t tokens = 0;   // predicted
  int64_t windows = 0;
  PerplexityOptions options;  // as used
  std::optional<Divergence> divergence;
};

// Perplexity of `ids` (a text as the tokenizer encodes it, with what its post-processor adds). `reference` may be null.
// kInvalidInput when the text is too short for one prediction or the models' vocabularies differ.
Result<PerplexityReport> EvaluatePerplexity(std::shared_ptr<const Model> model, std::shared_ptr<const Model> reference,
                                            std::span<const int32_t> ids, const PerplexityOptions& options,
                                            const EvalOptions& eval = {});

// What one decoded token has to read when `depth` tokens stand before it, by the backend's own counters.
struct BytesPerToken {
  int64_t depth = 0;
  int64_t weights = 0;
  int64_t kv = 0;
};
Result<BytesPerToken> MeasureBytesPerToken(std::shared_ptr<const Model> model, int64_t depth,
                                           const SessionOptions& session = {});

}  // namespace lacuna
