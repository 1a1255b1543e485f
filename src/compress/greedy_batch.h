// Greedy continuations of many prompts at once.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lacuna/evaluate.h"

namespace lacuna {

struct GreedyJob {
  std::vector<int32_t> prompt;  // not empty
  int64_t max_tokens = 0;       // at least 1
};

// What `Generate` gives with temperature 0: the most probable tokens (ties: the lowest id) until an end token, which is
// left out, or max_tokens. Prompts and continuations must fit the model's context.
Result<std::vector<std::vector<int32_t>>> ContinueGreedily(std::shared_ptr<const Model> model,
                                                           const std::vector<GreedyJob>& jobs,
                                                           const EvalOptions& options);

}  // namespace lacuna
