#include "session/logprobs.h"

#include <algorithm>

#include "kernels/ref/math.h"

namespace lacuna {

double LogSumExp(std::span<const float> logits) {
  const float top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (float x : logits) sum += kernels::RefExpDouble(double{x} - double{top});
  return top + kernels::RefLog(sum);
}

std::vector<std::pair<int32_t, double>> BestLogprobs(std::span<const float> logits, double log_sum, int count) {
  using Entry = std::pair<int32_t, double>;
  const auto before = [](const Entry& a, const Entry& b) {
    return a.second > b.second || (a.second == b.second && a.first < b.first);
  };
  // A heap of the best so far, the worst on top.
  std::vector<Entry> best;
  const auto n = std::min(static_cast<std::size_t>(std::max(count, 0)), logits.size());
  if (n == 0) return best;
  best.reserve(n + 1);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (best.size() == n && !(logits[i] > best.front().second)) continue;
    best.emplace_back(static_cast<int32_t>(i), logits[i]);
    std::push_heap(best.begin(), best.end(), before);
    if (best.size() <= n) continue;
    std::pop_heap(best.begin(), best.end(), before);
    best.pop_back();
  }
  std::sort_heap(best.begin(), best.end(), before);
  for (Entry& e : best) e.second -= log_sum;
  return best;
}

}  // namespace lacuna
