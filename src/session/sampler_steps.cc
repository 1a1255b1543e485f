// The steps that take candidates away. Running sums are double: over a whole vocabulary a float would stop growing
// before the small ones are in.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/philox.h"
#include "kernels/ref/math.h"
#include "session/sampler.h"

namespace lacuna {

float Sampler::Weigh() {
  for (size_t i = 0; i < n_; ++i) weights_[i] = candidates_[i].logit;
  return kernels_.softmax_weights(weights_.data(), static_cast<ptrdiff_t>(n_), top_, temperature_);
}

// A heap of the best k so far with the worst on top: most logits cost one comparison. Sorted at the end.
void Sampler::TakeTopK(size_t k) {
  constexpr float kLowest = -std::numeric_limits<float>::infinity();
  const auto first = candidates_.begin(), last = first + static_cast<ptrdiff_t>(k);
  for (size_t i = 0; i < k; ++i) {
    candidates_[i] = {logits_[i] == logits_[i] ? logits_[i] : kLowest, static_cast<int32_t>(i)};
  }
  std::make_heap(first, last, Before);
  float worst = first->logit;
  for (size_t i = k; i < logits_.size(); ++i) {
    if (!(logits_[i] > worst)) continue;  // on a tie the lower id is in already; NaN stays out
    std::pop_heap(first, last, Before);
    last[-1] = {logits_[i], static_cast<int32_t>(i)};
    std::push_heap(first, last, Before);
    worst = first->logit;
  }
  std::sort_heap(first, last, Before);
  n_ = k;
  while (n_ > 0 && candidates_[n_ - 1].logit == kLowest) --n_;
  listed_ = sorted_ = true;
}

void Sampler::KeepTopK(size_t k) {
  const auto first = candidates_.begin();
  if (n_ > k) {
    std::partial_sort(first, first + static_cast<ptrdiff_t>(k), first + static_cast<ptrdiff_t>(n_), Before);
    n_ = k;
  } else if (!sorted_) {
    std::sort(first, first + static_cast<ptrdiff_t>(n_), Before);
  }
  sorted_ = true;
}

void Sampler::KeepTopNSigma(float n) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < n_; ++i) sum += candidates_[i].logit;
  const double count = static_cast<double>(n_), mean = sum / count;
  for (size_t i = 0; i < n_; ++i) squares += (candidates_[i].logit - mean) * (candidates_[i].logit - mean);
  const double least = top_ - double{n} * std::sqrt(squares / count);
  size_t kept = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (candidates_[i].logit >= least) candidates_[kept++] = candidates_[i];
  }
  n_ = kept;
}

// Meister, Pimentel, Wiher, Cotterell: "Locally typical sampling", TACL 2023.
void Sampler::KeepTypicalP(float typical_p) {
  const double sum = Weigh(), log_sum = kernels::RefLog(sum);
  const auto information = [&](size_t i) {
    return log_sum - (double{candidates_[i].logit} - double{top_}) / double{temperature_};
  };
  double entropy = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (weights_[i] > 0) entropy += weights_[i] / sum * information(i);
  }
  surprise_.clear();
  for (size_t i = 0; i < n_; ++i) {
    surprise_.emplace_back(std::abs(information(i) - entropy), static_cast<uint32_t>(i));
  }
  std::sort(surprise_.begin(), surprise_.end());
  const double target = double{typical_p} * sum;
  double reached = 0;
  size_t kept = 0;
  do {
    reached += weights_[surprise_[kept++].second];
  } while (reached < target && kept < n_);
  // Back in their former order.
  surprise_.resize(kept);
  std::sort(surprise_.begin(), surprise_.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  for (size_t i = 0; i < kept; ++i) candidates_[i] = candidates_[surprise_[i].second];
  n_ = kept;
  top_known_ = false;
}

void Sampler::KeepTopP(float top_p) {
  const double target = double{top_p} * Weigh();
  double sum = 0;
  if (sorted_) {
    size_t kept = 0;
    do {
      sum += weights_[kept++];
    } while (sum < target && kept < n_);
    n_ = kept;
    return;
  }
  // Candidates stand by id: take the best from a heap until they suffice, usually a few of many thousands. They
  // collect at the end, the best last.
  const auto first = candidates_.begin(), last = first + static_cast<ptrdiff_t>(n_);
  const auto after = [](const Candidate& a, const Candidate& b) { return Before(b, a); };
  std::make_heap(first, last, after);
  auto kept = last;
  do {
    std::pop_heap(first, kept, after);
    --kept;
    sum += kernels::RefExp((kept->logit - top_) / temperature_);
  } while (sum < target && kept != first);
  std::reverse(kept, last);
  std::move(kept, last, first);
  n_ = static_cast<size_t>(last - kept);
  sorted_ = true;
}

void Sampler::KeepMinP(float min_p) {
  const float least = std::min(min_p, 1.0f);  // the best always stays
  size_t kept = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (kernels::RefExp((candidates_[i].logit - top_) / temperature_) >= least) candidates_[kept++] = candidates_[i];
  }
  n_ = kept;
}

// "Exclude top choices" (https://github.com/oobabooga/text-generation-webui/pull/6335).
void Sampler::ExcludeTop(const SamplingParams& params, const SampleAt& at) {
  const float uniform = UniformFloat(RandomWords(params.seed, at.request, at.position, RandomPurpose::kXtc)[0]);
  if (uniform >= params.xtc_probability) return;
  const double least = double{params.xtc_threshold} * Weigh();
  size_t above = 0, last = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (weights_[i] < least) continue;
    if (above == 0 || Before(candidates_[last], candidates_[i])) last = i;
    ++above;
  }
  if (above < 2) return;
  size_t kept = 0;
  for (size_t i = 0; i < n_; ++i) {
    if (i == last || weights_[i] < least) candidates_[kept++] = candidates_[i];
  }
  n_ = kept;
  top_known_ = false;
}

void Sampler::Heat(float temperature) {
  if (temperature >= std::numeric_limits<float>::min()) {
    temperature_ = temperature;
    return;
  }
  candidates_[0] = *std::min_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(n_), Before);
  n_ = 1;
  sorted_ = true;
}

}  // namespace lacuna
