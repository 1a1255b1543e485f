#include <algorithm>
#include <limits>

#include "backend/cpu/elementwise.h"
#include "base/cpu_features.h"
#include "base/fp_scope.h"
#include "base/status_macros.h"
#include "lacuna/generate.h"
#include "session/log_softmax.h"
#include "session/logprobs.h"

namespace lacuna {

Result<Score> ScoreTokens(Session& session, LaneId lane, std::span<const int32_t> ids, int top,
                          const std::function<void(double)>& progress) {
  if (ids.empty()) return InvalidInput("nothing to score: the text has no tokens");
  const int64_t context = session.options().context_length;
  if (static_cast<int64_t>(ids.size()) > context) {
    return InvalidInput("the text has " + std::to_string(ids.size()) + " tokens, more than the context of " +
                        std::to_string(context));
  }
  LACUNA_ASSIGN_OR_RETURN(const Tier tier, HostTier());
  LogSoftmax log_softmax(session.model().info().vocab_size, ElementwiseFor(tier));
  Score score;
  score.logprobs.push_back(std::numeric_limits<double>::quiet_NaN());
  std::vector<PassRow> rows;
  const auto piece = static_cast<std::size_t>(session.options().max_logits);
  for (std::size_t at = 0; at < ids.size(); at += piece) {
    rows.clear();
    for (std::size_t i = at; i < std::min(at + piece, ids.size()); ++i) {
      rows.push_back({.token = ids[i], .lane = lane, .want_logits = true});
    }
    LACUNA_ASSIGN_OR_RETURN(const Logits logits, session.Run(rows));
    LACUNA_RETURN_IF_ERROR(session.Commit(lane));
    const FpScope fp;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::span<const float> row = logits[static_cast<int>(i)];
      const double log_sum = log_softmax.LogSum(row);
      if (at + i + 1 < ids.size()) {
        score.logprobs.push_back(row[static_cast<std::size_t>(ids[at + i + 1])] - log_sum);
      }
      if (top > 0) score.top.push_back(BestLogprobs(row, log_sum, top));
    }
    if (progress) progress(static_cast<double>(at + rows.size()) / static_cast<double>(ids.size()));
  }
  return score;
}

}  // namespace lacuna
