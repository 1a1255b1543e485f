#include "session/sampler.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/fp_scope.h"
#include "base/philox.h"
#include "kernels/ref/math.h"

namespace lacuna {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// NaN would break the order that heaps rely on.
float Ordered(float logit) { return logit == logit ? logit : -kInfinity; }

int32_t ArgMax(std::span<const float> logits) {
  int32_t id = 0;
  float best = Ordered(logits[0]);
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > best) {
      best = logits[i];
      id = static_cast<int32_t>(i);
    }
  }
  return id;
}

}  // namespace

Sampler::Sampler(int vocab_size, const kernels::ElementwiseKernels& kernels)
    : kernels_(kernels), candidates_(vocab_size), weights_(vocab_size) {}

bool Sampler::Before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// A heap of the best k so far with the worst on top: most logits cost one comparison. Sorted at the end.
size_t Sampler::KeepTopK(std::span<const float> logits, size_t k) {
  const auto first = candidates_.begin(), last = first + k;
  for (size_t i = 0; i < k; ++i) candidates_[i] = {Ordered(logits[i]), static_cast<int32_t>(i)};
  std::make_heap(first, last, Before);
  float worst = first->logit;
  for (size_t i = k; i < logits.size(); ++i) {
    if (!(logits[i] > worst)) continue;  // on a tie the lower id is in already; NaN stays out
    std::pop_heap(first, last, Before);
    last[-1] = {logits[i], static_cast<int32_t>(i)};
    std::push_heap(first, last, Before);
    worst = first->logit;
  }
  std::sort_heap(first, last, Before);
  return k;
}

float Sampler::Weigh(size_t n, float top, float temperature) {
  for (size_t i = 0; i < n; ++i) weights_[i] = candidates_[i].logit;
  return kernels_.softmax_weights(weights_.data(), static_cast<ptrdiff_t>(n), top, temperature);
}

size_t Sampler::KeepTopP(size_t n, bool sorted, float top, float top_p) {
  // Running sums are double: over a whole vocabulary a float would stop growing before the small ones are in.
  const double target = double{top_p} * Weigh(n, top, 1.0f);
  double sum = 0;
  if (sorted) {
    size_t kept = 0;
    do {
      sum += weights_[kept++];
    } while (sum < target && kept < n);
    return kept;
  }
  // Candidates stand by id: take the best from a heap until they suffice, usually a few of many thousands. They
  // collect at the end, the best last.
  const auto first = candidates_.begin(), last = first + n;
  const auto after = [](const Candidate& a, const Candidate& b) { return Before(b, a); };
  std::make_heap(first, last, after);
  auto kept = last;
  do {
    std::pop_heap(first, kept, after);
    --kept;
    sum += kernels::RefExp(kept->logit - top);
  } while (sum < target && kept != first);
  std::reverse(kept, last);
  std::move(kept, last, first);
  return last - kept;
}

size_t Sampler::KeepMinP(size_t n, float top, float min_p) {
  const float least = std::min(min_p, 1.0f);  // the best always stays
  size_t kept = 0;
  for (size_t i = 0; i < n; ++i) {
    if (kernels::RefExp(candidates_[i].logit - top) >= least) candidates_[kept++] = candidates_[i];
  }
  return kept;
}

int32_t Sampler::Sample(std::span<const float> logits, const SamplingParams& params, uint64_t request,
                        int64_t position) {
  LACUNA_DCHECK(!logits.empty() && logits.size() == candidates_.size());
  FpScope fp;
  // A denormal temperature is zero here.
  if (!(params.temperature >= std::numeric_limits<float>::min()) || params.top_k == 1) return ArgMax(logits);

  const bool top_k = params.top_k > 0 && static_cast<size_t>(params.top_k) < logits.size();
  size_t n = logits.size();
  if (top_k) {
    n = KeepTopK(logits, params.top_k);
  } else {
    for (size_t i = 0; i < n; ++i) candidates_[i] = {Ordered(logits[i]), static_cast<int32_t>(i)};
  }
  const float top =
      top_k ? candidates_[0].logit : std::min_element(candidates_.begin(), candidates_.end(), Before)->logit;
  if (top == kInfinity || top == -kInfinity) return ArgMax(logits);

  if (params.top_p < 1) n = KeepTopP(n, top_k, top, params.top_p);
  if (params.min_p > 0) n = KeepMinP(n, top, params.min_p);

  const float uniform = UniformFloat(RandomWords(params.seed, request, position, RandomPurpose::kSample)[0]);
  const double target = double{uniform} * Weigh(n, top, params.temperature);
  double sum = 0;
  int32_t drawn = candidates_[0].id;
  for (size_t i = 0; i < n; ++i) {
    if (!(weights_[i] > 0)) continue;
    drawn = candidates_[i].id;  // the last possible one, should rounding leave the target beyond the sum
    sum += weights_[i];
    if (sum > target) break;
  }
  return drawn;
}

}  // namespace lacuna
