#include "compress/calibration.h"

#include <algorithm>
#include <string>

namespace lacuna {

Result<std::vector<std::vector<int32_t>>> CalibrationSequences(std::span<const int32_t> ids,
                                                               std::optional<int32_t> begin,
                                                               const CalibrationPlan& plan) {
  const auto tokens = static_cast<int64_t>(ids.size());
  if (plan.sequences < 1 || plan.length < 2) {
    return InvalidInput("calibration needs at least 1 sequence of at least 2 tokens, not " +
                        std::to_string(plan.sequences) + " of " + std::to_string(plan.length));
  }
  const int64_t length = std::min(plan.length, tokens);
  const int64_t there = length > 0 ? tokens / length : 0;
  const int64_t count = std::min(plan.sequences, there);
  // With fewer tokens than inputs the statistics fit the text alone.
  if (count * length < plan.widest) {
    const std::string widest = std::to_string(plan.widest);
    if (tokens < plan.widest) {
      return InvalidInput("the calibration text has " + std::to_string(tokens) + " tokens, and the widest layer has " +
                          widest + " inputs: give a text of at least as many tokens, better ten times as many");
    }
    return InvalidInput(std::to_string(count) + " sequences of " + std::to_string(length) +
                        " tokens are fewer tokens than the widest layer has inputs, " + widest +
                        ": ask for more or longer sequences");
  }
  std::vector<std::vector<int32_t>> out;
  for (int64_t i = 0; i < count; ++i) {
    const auto piece =
        ids.subspan(static_cast<std::size_t>(i * there / count * length), static_cast<std::size_t>(length));
    out.emplace_back(piece.begin(), piece.end());
    if (begin) out.back().front() = *begin;
  }
  return out;
}

}  // namespace lacuna
