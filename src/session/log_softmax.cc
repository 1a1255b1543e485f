#include "session/log_softmax.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
#include "kernels/ref/math.h"

namespace lacuna {
namespace {

constexpr std::size_t kLanes = 8;

// term(0) + term(1) + ..: lane j of 8 takes j, j + 8, ..; the lanes are added 4, 2, 1 apart.
template <typename Term>
double SumInLanes(std::size_t n, const Term& term) {
  double lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) lanes[j] += term(i + j);
  }
  for (std::size_t j = 0; i + j < n; ++j) lanes[j] += term(i + j);
  for (std::size_t apart = kLanes / 2; apart > 0; apart /= 2) {
    for (std::size_t j = 0; j < apart; ++j) lanes[j] += lanes[j + apart];
  }
  return lanes[0];
}

// std::max_element compares one after another, which takes longer than everything else here.
float Highest(std::span<const float> x) {
  float lanes[kLanes];
  std::fill(std::begin(lanes), std::end(lanes), x[0]);
  std::size_t i = 0;
  for (; i + kLanes <= x.size(); i += kLanes) {
    for (std::size_t j = 0; j < kLanes; ++j) lanes[j] = lanes[j] < x[i + j] ? x[i + j] : lanes[j];
  }
  for (; i < x.size(); ++i) lanes[0] = std::max(lanes[0], x[i]);
  return *std::max_element(std::begin(lanes), std::end(lanes));
}

}  // namespace

double LogSoftmax::LogSum(std::span<const float> logits) {
  LACUNA_DCHECK(logits.size() == weights_.size());
  const float best = Highest(logits);
  top_ = static_cast<int32_t>(std::find(logits.begin(), logits.end(), best) - logits.begin());
  std::copy(logits.begin(), logits.end(), weights_.begin());
  kernels_.softmax_weights(weights_.data(), static_cast<std::ptrdiff_t>(weights_.size()), best, 1.0f);
  sum_ = SumInLanes(weights_.size(), [&](std::size_t i) { return double{weights_[i]}; });
  return double{best} + kernels::RefLog(sum_);
}

double KlDivergence(const LogSoftmax& p, std::span<const float> p_logits, double p_log_sum,
                    std::span<const float> q_logits, double q_log_sum) {
  const std::span<const float> w = p.weights();
  const double expected =
      SumInLanes(w.size(), [&](std::size_t i) { return double{w[i]} * (double{p_logits[i]} - double{q_logits[i]}); });
  return expected / p.sum() - p_log_sum + q_log_sum;
}

}  // namespace lacuna
