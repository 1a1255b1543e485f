#include "session/penalties.h"

#include <algorithm>
#include <limits>

#include "kernels/ref/math.h"

namespace lacuna {

std::span<const int32_t> LastTokens(std::span<const int32_t> history, int n) {
  return n < 0 ? history : history.last(std::min(history.size(), static_cast<size_t>(n)));
}

bool PenaltiesOn(const SamplingParams& p) {
  return p.repeat_last_n != 0 && (p.repeat_penalty != 1 || p.frequency_penalty != 0 || p.presence_penalty != 0);
}

bool DryOn(const SamplingParams& p) { return p.dry_penalty_last_n != 0 && p.dry_multiplier > 0; }

void CountTokens(std::span<const int32_t> window, std::vector<int32_t>& sorted, std::vector<TokenCount>& counts) {
  sorted.assign(window.begin(), window.end());
  std::sort(sorted.begin(), sorted.end());
  counts.clear();
  for (const int32_t id : sorted) {
    if (counts.empty() || counts.back().id != id) counts.push_back({id, 0});
    ++counts.back().count;
  }
}

float Penalized(float logit, int32_t count, const SamplingParams& p) {
  logit = logit > 0 ? logit / p.repeat_penalty : logit * p.repeat_penalty;
  return logit - (static_cast<float>(count) * p.frequency_penalty + p.presence_penalty);
}

int32_t Dry::AfterBreaker(std::span<const int32_t> window, const std::vector<std::string>& breakers,
                          const TokenBytes& bytes) {
  text_.clear();
  ends_.clear();
  for (const int32_t id : window) {
    text_ += bytes[id];
    ends_.push_back(text_.size());
  }
  size_t end = 0;  // of the breaker that ends last
  for (const std::string& breaker : breakers) {
    const size_t at = text_.rfind(breaker);
    if (at != std::string::npos) end = std::max(end, at + breaker.size());
  }
  if (end == 0) return static_cast<int32_t>(window.size());
  // The token in which it ends is part of the breaker.
  const auto token = std::lower_bound(ends_.begin(), ends_.end(), end) - ends_.begin();
  return static_cast<int32_t>(static_cast<ptrdiff_t>(window.size()) - token - 1);
}

void Dry::Penalties(std::span<const int32_t> window, const SamplingParams& p, const TokenBytes* bytes,
                    std::vector<TokenPenalty>& penalties) {
  penalties.clear();
  const auto n = static_cast<int32_t>(window.size());
  if (n <= p.dry_allowed_length) return;
  const int32_t most = bytes == nullptr ? n : AfterBreaker(window, p.dry_sequence_breakers, *bytes);
  if (most < p.dry_allowed_length) return;

  // matches_[k]: how many of the last tokens stand k places earlier too. Backwards this is the Z function.
  const auto back = [&](int32_t i) { return window[static_cast<size_t>(n - 1 - i)]; };
  matches_.assign(static_cast<size_t>(n), 0);
  longest_.clear();
  for (int32_t k = 1, left = 0, right = 0; k < n; ++k) {
    int32_t m = k < right ? std::min(right - k, matches_[static_cast<size_t>(k - left)]) : 0;
    while (k + m < n && back(m) == back(k + m)) ++m;
    if (k + m > right) left = k, right = k + m;
    matches_[static_cast<size_t>(k)] = m;
    if (std::min(m, most) >= p.dry_allowed_length) longest_.push_back({back(k - 1), std::min(m, most)});
  }
  std::sort(longest_.begin(), longest_.end(), [](const TokenCount& a, const TokenCount& b) {
    return a.id < b.id || (a.id == b.id && a.count > b.count);
  });
  for (const TokenCount& t : longest_) {
    if (!penalties.empty() && penalties.back().id == t.id) continue;
    const double penalty = double{p.dry_multiplier} *
                           kernels::RefPow(double{p.dry_base}, static_cast<double>(t.count - p.dry_allowed_length));
    constexpr double kMost = std::numeric_limits<float>::max();
    penalties.push_back({t.id, static_cast<float>(std::min(penalty, kMost))});
  }
}

}  // namespace lacuna
