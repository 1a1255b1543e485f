// Natural logarithms of probabilities, for reports: nothing is sampled from them. In double with our own exp and log,
// so that they too are the same bits on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lacuna {

// log(sum(exp(logits))), the sum ascending.
double LogSumExp(std::span<const float> logits);
// The `count` highest with logit - log_sum, best first, ties to the lowest id.
std::vector<std::pair<int32_t, double>> BestLogprobs(std::span<const float> logits, double log_sum, int count);

}  // namespace lacuna
