#include "lacuna/generate.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "backend/cpu/elementwise.h"
#include "base/cpu_features.h"
#include "base/fp_scope.h"
#include "base/status_macros.h"
#include "model/model_impl.h"
#include "session/logprobs.h"
#include "session/sampler.h"
#include "session/session_impl.h"
#include "session/stop_strings.h"

namespace lacuna {
namespace {

using Clock = std::chrono::steady_clock;

double MillisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

bool Contains(const std::vector<int32_t>& ids, int32_t id) {
  for (int32_t i : ids) {
    if (i == id) return true;
  }
  return false;
}

TokenLogprob LogprobOf(std::span<const float> logits, int32_t id, int top) {
  const FpScope fp;
  const double log_sum = LogSumExp(logits);
  return {double{logits[static_cast<std::size_t>(id)]} - log_sum, BestLogprobs(logits, log_sum, top)};
}

// Where the session's last text followed the same grammar, its masks still hold.
Guide* GuideFor(Session& session, const GenerateOptions& options) {
  const Model& model = session.model();
  std::unique_ptr<Guide>& guide = session.impl().guide;
  const std::vector<int32_t> ends = options.ignore_eos ? std::vector<int32_t>() : model.info().eos_token_ids;
  if (guide == nullptr || guide->grammar() != options.grammar.get() || guide->end_ids() != ends) {
    guide = std::make_unique<Guide>(options.grammar, *model.impl().vocab_order(), ends);
  }
  guide->Restart();
  return guide.get();
}

// The text of the tokens, to the caller as it becomes certain.
class TextOut {
 public:
  TextOut(std::shared_ptr<const Tokenizer> tokenizer, const GenerateOptions& options, std::string& text)
      : options_(options), stops_(options.stop), text_(text) {
    if (tokenizer) stream_.emplace(std::move(tokenizer));
  }

  // What stands before the text: a few tokens, so that a leading space stays. The last one leaves nothing behind: bytes
  // that a decoder holds back would come out with the text.
  void Before(std::span<const int32_t> history) {
    if (!stream_) return;
    constexpr std::size_t kTokens = 16, kTries = 64;
    for (std::size_t tries = 0; tries < kTries && !history.empty();
         ++tries, history = history.first(history.size() - 1)) {
      const auto few = history.last(std::min(history.size(), kTokens));
      for (const int32_t id : few) stream_->Next(id);
      if (!stream_->Finish().empty()) continue;
      for (const int32_t id : few) stream_->Next(id);
      return;
    }
  }
  // False when a stop string is complete or the caller wants no more.
  bool Push(int32_t id) { return !stream_ || Out(stops_.Push(stream_->Next(id))); }
  void Finish() {
    if (!stream_ || stops_.stopped()) return;
    const std::string rest = stops_.Push(stream_->Finish());
    Out(rest + (stops_.stopped() ? "" : stops_.Finish()));
  }
  bool stopped() const { return stops_.stopped(); }

 private:
  bool Out(const std::string& piece) {
    text_ += piece;
    const bool wanted = piece.empty() || !options_.on_text || options_.on_text(piece);
    return wanted && !stops_.stopped();
  }

  const GenerateOptions& options_;
  StopStrings stops_;
  std::string& text_;
  std::optional<DecodeStream> stream_;
};

}  // namespace

const char* FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kContext:
      return "context";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "";
}

Result<Generation> Generate(Session& session, LaneId lane, std::span<const int32_t> prompt,
                            const GenerateOptions& options) {
  const Model& model = session.model();
  const ModelInfo& info = model.info();
  const auto cancelled = [&] { return options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed); };
  LACUNA_RETURN_IF_ERROR(CheckSampling(options.sampling, info.vocab_size));
  if (model.tokenizer() == nullptr && (!options.stop.empty() || options.on_text || options.grammar)) {
    return InvalidInput(info.directory + " has no tokenizer.json, which text, stop strings and grammars need");
  }
  Generation g;
  g.prompt_tokens = static_cast<int64_t>(prompt.size());
  if (options.max_tokens > 0) g.ids.reserve(static_cast<std::size_t>(std::min<int64_t>(options.max_tokens, 1 << 20)));
  LACUNA_ASSIGN_OR_RETURN(const Tier tier, HostTier());
  Sampler sampler(info.vocab_size, ElementwiseFor(tier),
                  DryOn(options.sampling) ? model.impl().token_bytes() : nullptr);

  SamplingParams sampling = options.sampling;
  if (options.ignore_eos) {
    for (const int32_t id : info.eos_token_ids) {
      sampling.logit_bias.push_back({.id = id, .bias = -std::numeric_limits<float>::infinity()});
    }
  }

  Clock::time_point start = Clock::now();
  // Pieces, so that a cancel token is seen during a long prompt.
  Result<Logits> logits = Logits();
  LACUNA_ASSIGN_OR_RETURN(const int64_t before, session.Length(lane));
  if (prompt.empty()) return InvalidInput("nothing to generate from: the prompt has no tokens");
  if (before + g.prompt_tokens > session.options().context_length) {
    return InvalidInput("the prompt has " + std::to_string(g.prompt_tokens) + " tokens, but the context of " +
                        std::to_string(session.options().context_length) + " has room for " +
                        std::to_string(session.options().context_length - before) + " more");
  }
  Guide* guide = options.grammar ? GuideFor(session, options) : nullptr;
  const auto piece = static_cast<std::size_t>(session.options().max_rows);
  for (std::size_t at = 0; at < prompt.size(); at += piece) {
    if (cancelled()) {
      g.finish_reason = FinishReason::kCancelled;
      return g;
    }
    logits = session.Append(lane, prompt.subspan(at, std::min(piece, prompt.size() - at)));
    if (!logits.ok()) return logits.status();
  }
  g.prompt_ms = MillisecondsSince(start);

  start = Clock::now();
  TextOut text(model.tokenizer(), options, g.text);
  LACUNA_ASSIGN_OR_RETURN(const auto history, session.Tokens(lane));
  text.Before(history);
  for (int64_t position = before + g.prompt_tokens;; ++position) {
    if (options.max_tokens >= 0 && g.decode_tokens >= options.max_tokens) {
      g.finish_reason = FinishReason::kLength;
      break;
    }
    const std::span<const float> row = (*logits)[0];
    LACUNA_ASSIGN_OR_RETURN(const auto tokens, session.Tokens(lane));
    std::span<const uint64_t> allowed;
    if (guide != nullptr) {
      auto mask = guide->Allowed();
      if (!mask.ok()) session.impl().guide.reset();
      LACUNA_ASSIGN_OR_RETURN(allowed, std::move(mask));
      if (allowed.empty()) {
        g.finish_reason = FinishReason::kStop;
        break;
      }
    }
    const int32_t id = sampler.Sample(row, sampling, {options.request, position, tokens, allowed});
    if (!options.ignore_eos && Contains(info.eos_token_ids, id)) {
      g.finish_reason = FinishReason::kStop;
      break;
    }
    if (guide != nullptr) guide->Accept(id);
    g.ids.push_back(id);
    ++g.decode_tokens;
    if (options.logprobs >= 0) g.logprobs.push_back(LogprobOf(row, id, options.logprobs));
    const bool wanted = !options.on_token || options.on_token(id);
    if (!text.Push(id) || !wanted || cancelled()) {
      g.finish_reason = text.stopped() ? FinishReason::kStop : FinishReason::kCancelled;
      break;
    }
    if (guide != nullptr && guide->AtEnd()) {
      g.finish_reason = FinishReason::kStop;
      break;
    }
    if (options.max_tokens >= 0 && g.decode_tokens >= options.max_tokens) continue;
    if (position >= session.options().context_length) {
      g.finish_reason = FinishReason::kContext;
      break;
    }
    const PassRow next{.token = id, .lane = lane, .want_logits = true};
    logits = session.Run({&next, 1});
    if (!logits.ok()) return logits.status();
    LACUNA_RETURN_IF_ERROR(session.Commit(lane));
  }
  text.Finish();
  if (text.stopped()) g.finish_reason = FinishReason::kStop;
  g.decode_ms = MillisecondsSince(start);
  return g;
}

}  // namespace lacuna
