#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/status_macros.h"
#include "lacuna/generate.h"

namespace lacuna {
namespace {

// log(sum(exp(logits))), in double: log-probabilities are reports, nothing is sampled from them.
double LogSumExp(std::span<const float> logits) {
  const float top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float x : logits) sum += std::exp(static_cast<double>(x) - top);
  return top + std::log(sum);
}

std::vector<std::pair<int32_t, double>> Best(std::span<const float> logits, double log_sum, int count) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto n = std::min(static_cast<std::size_t>(count), ids.size());
  std::partial_sort(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(n), ids.end(), [&](int32_t a, int32_t b) {
    const float la = logits[static_cast<std::size_t>(a)];
    const float lb = logits[static_cast<std::size_t>(b)];
    return la > lb || (la == lb && a < b);
  });
  std::vector<std::pair<int32_t, double>> best;
  for (std::size_t i = 0; i < n; ++i) best.emplace_back(ids[i], logits[static_cast<std::size_t>(ids[i])] - log_sum);
  return best;
}

}  // namespace

Result<Score> ScoreTokens(Session& session, LaneId lane, std::span<const int32_t> ids, int top,
                          const std::function<void(double)>& progress) {
  if (ids.empty()) return InvalidInput("nothing to score: the text has no tokens");
  const int64_t context = session.options().context_length;
  if (static_cast<int64_t>(ids.size()) > context) {
    return InvalidInput("the text has " + std::to_string(ids.size()) + " tokens, more than the context of " +
                        std::to_string(context));
  }
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
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::span<const float> row = logits[static_cast<int>(i)];
      const double log_sum = LogSumExp(row);
      if (at + i + 1 < ids.size()) {
        score.logprobs.push_back(row[static_cast<std::size_t>(ids[at + i + 1])] - log_sum);
      }
      if (top > 0) score.top.push_back(Best(row, log_sum, top));
    }
    if (progress) progress(static_cast<double>(at + rows.size()) / static_cast<double>(ids.size()));
  }
  return score;
}

}  // namespace lacuna
