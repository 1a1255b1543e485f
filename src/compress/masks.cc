#include "compress/masks.h"

#include <algorithm>
#include <vector>

namespace lacuna {

void MarkLowest(std::span<const float> scores, int64_t count, uint8_t* marks, int64_t stride) {
  thread_local std::vector<int32_t> order;
  order.resize(scores.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<int32_t>(i);
    marks[static_cast<int64_t>(i) * stride] = 0;
  }
  const auto lower = [&](int32_t a, int32_t b) {
    const float x = scores[static_cast<std::size_t>(a)], y = scores[static_cast<std::size_t>(b)];
    return x < y || (x == y && a < b);
  };
  count = std::min<int64_t>(count, static_cast<int64_t>(scores.size()));
  if (count <= 0) return;
  if (count < static_cast<int64_t>(scores.size()))
    std::nth_element(order.begin(), order.begin() + count, order.end(), lower);
  for (int64_t i = 0; i < count; ++i) marks[order[static_cast<std::size_t>(i)] * stride] = 1;
}

void MarkRow(std::span<const float> scores, int64_t begin, const PruneRule& rule, uint8_t* marks, int64_t stride) {
  const auto size = static_cast<int64_t>(scores.size());
  if (!rule.pattern()) {
    MarkLowest(scores, rule.Before(begin + size) - rule.Before(begin), marks, stride);
    return;
  }
  for (int64_t k = 0; k < size; k += rule.m) {
    const int64_t count = std::min<int64_t>(rule.m, size - k);
    MarkLowest(scores.subspan(static_cast<std::size_t>(k), static_cast<std::size_t>(count)), count - rule.n,
               marks + k * stride, stride);
  }
}

}  // namespace lacuna
