#include "lacuna/generate.h"

#include <chrono>
#include <cmath>
#include <limits>

#include "backend/cpu/elementwise.h"
#include "base/cpu_features.h"
#include "base/status_macros.h"
#include "session/sampler.h"

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
  const ModelInfo& info = session.model().info();
  const auto cancelled = [&] { return options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed); };
  Generation g;
  g.prompt_tokens = static_cast<int64_t>(prompt.size());
  if (options.max_tokens > 0) g.ids.reserve(static_cast<std::size_t>(std::min<int64_t>(options.max_tokens, 1 << 20)));
  LACUNA_ASSIGN_OR_RETURN(const Tier tier, HostTier());
  Sampler sampler(info.vocab_size, ElementwiseFor(tier));

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
  for (int64_t position = before + g.prompt_tokens;; ++position) {
    if (options.max_tokens >= 0 && g.decode_tokens >= options.max_tokens) {
      g.finish_reason = FinishReason::kLength;
      break;
    }
    const int32_t id = sampler.Sample((*logits)[0], options.sampling, options.request, position);
    if (!options.ignore_eos && Contains(info.eos_token_ids, id)) {
      g.finish_reason = FinishReason::kStop;
      break;
    }
    g.ids.push_back(id);
    ++g.decode_tokens;
    if ((options.on_token && !options.on_token(id)) || cancelled()) {
      g.finish_reason = FinishReason::kCancelled;
      break;
    }
    if (options.max_tokens >= 0 && g.decode_tokens >= options.max_tokens) continue;
    if (position >= session.options().context_length) {
      g.finish_reason = FinishReason::kContext;
      break;
    }
    const PassRow row{.token = id, .lane = lane, .want_logits = true};
    logits = session.Run({&row, 1});
    if (!logits.ok()) return logits.status();
    LACUNA_RETURN_IF_ERROR(session.Commit(lane));
  }
  g.decode_ms = MillisecondsSince(start);
  return g;
}

}  // namespace lacuna
