// log(sum(exp(logits))) of one row of logits, for reports: log-probabilities, perplexity, KL divergence.
//
// The weights exp(logit - top) are the sampler's own, in float; their sum is taken in double, in an order that depends
// on the vocabulary alone. A single weight is off by 2^-23 or so, the sum by much less, so that even a divergence of
// 1e-6 is measured. The same bits at every tier.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/elementwise.h"

namespace lacuna {

// Scratch for one vocabulary; one thread at a time, under FpScope.
class LogSoftmax {
 public:
  LogSoftmax(int vocab_size, const kernels::ElementwiseKernels& kernels) : kernels_(kernels), weights_(vocab_size) {}

  // Takes a row of vocab_size finite logits and returns log(sum(exp(logits))).
  double LogSum(std::span<const float> logits);
  // Of the last row: exp(logit - top) with their sum, and the id of the highest logit (the lowest such id).
  std::span<const float> weights() const { return weights_; }
  double sum() const { return sum_; }
  int32_t top() const { return top_; }

 private:
  const kernels::ElementwiseKernels& kernels_;
  std::vector<float> weights_;
  double sum_ = 0;
  int32_t top_ = 0;
};

// Kullback-Leibler divergence KL(P || Q) in nats of two rows, P being the row that `p` has just taken and q_log_sum
// Q's LogSum: sum_v P(v) * (log P(v) - log Q(v)) = sum_v w(v) * (p(v) - q(v)) / sum(w) - log_sum(p) + log_sum(q).
double KlDivergence(const LogSoftmax& p, std::span<const float> p_logits, double p_log_sum,
                    std::span<const float> q_logits, double q_log_sum);

}  // namespace lacuna
