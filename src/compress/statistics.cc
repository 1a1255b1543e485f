#include "compress/statistics.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace lacuna {

double Moments::StandardError() const {
  if (n < 2) return 0;
  const auto count = static_cast<double>(n);
  const double variance = (squares - sum * (sum / count)) / (count - 1);
  return std::sqrt(std::max(0.0, variance) / count);
}

Estimate MeanOf(const Moments& m) {
  const double half = kZ95 * m.StandardError();
  return {m.mean(), m.mean() - half, m.mean() + half};
}

Estimate ExpMeanOf(const Moments& m) {
  const Estimate mean = MeanOf(m);
  return {std::exp(mean.value), std::exp(mean.low), std::exp(mean.high)};
}

Estimate ShareOf(int64_t right, int64_t n) {
  if (n == 0) return {0, 0, 1};
  const auto count = static_cast<double>(n);
  const double p = static_cast<double>(right) / count;
  const double z2 = kZ95 * kZ95 / count;
  const double middle = (p + z2 / 2) / (1 + z2);
  const double half = kZ95 / (1 + z2) * std::sqrt((p * (1 - p) + z2 / 4) / count);
  return {p, std::max(0.0, std::min(p, middle - half)), std::min(1.0, std::max(p, middle + half))};
}

double Percentile(std::vector<float>* values, double fraction) {
  LACUNA_DCHECK(!values->empty() && fraction >= 0 && fraction <= 1);
  const double rank = fraction * static_cast<double>(values->size() - 1);
  const auto below = static_cast<std::ptrdiff_t>(rank);
  const auto at = values->begin() + below;
  std::nth_element(values->begin(), at, values->end());
  const double low = *at;
  if (at + 1 == values->end()) return low;
  const double high = *std::min_element(at + 1, values->end());
  return low + (rank - static_cast<double>(below)) * (high - low);
}

}  // namespace lacuna
