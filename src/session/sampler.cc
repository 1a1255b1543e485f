#include "session/sampler.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/fp_scope.h"
#include "base/philox.h"

namespace lacuna {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// NaN would break the order that heaps rely on.
float Ordered(float logit) { return logit == logit ? logit : -kInfinity; }

bool Allowed(std::span<const uint64_t> allowed, size_t id) {
  return allowed.empty() || (allowed[id / 64] >> (id % 64) & 1) != 0;
}

// A denormal temperature is zero here.
bool Greedy(float temperature) { return !(temperature >= std::numeric_limits<float>::min()); }

// Whether the step leaves the best candidate alone.
bool TakesTheBest(SamplerStep step, const SamplingParams& params) {
  return (step == SamplerStep::kTemperature && Greedy(params.temperature)) ||
         (step == SamplerStep::kTopK && params.top_k == 1);
}

}  // namespace

Sampler::Sampler(int vocab_size, const kernels::ElementwiseKernels& kernels, const TokenBytes* bytes)
    : kernels_(kernels),
      bytes_(bytes),
      candidates_(static_cast<size_t>(vocab_size)),
      weights_(static_cast<size_t>(vocab_size)) {}

bool Sampler::Before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

std::span<float> Sampler::Own() {
  if (logits_.data() != own_.data()) {
    own_.assign(logits_.begin(), logits_.end());
    logits_ = own_;
  }
  return own_;
}

void Sampler::Bias(const SamplingParams& params) {
  for (const LogitBias& b : params.logit_bias) Own()[static_cast<size_t>(b.id)] += b.bias;
}

void Sampler::Mask(std::span<const uint64_t> allowed) {
  if (allowed.empty()) return;
  const std::span<float> own = Own();
  for (size_t i = 0; i < own.size(); ++i) {
    if (!Allowed(allowed, i)) own[i] = -kInfinity;
  }
}

void Sampler::Penalize(const SamplingParams& params, const SampleAt& at) {
  const auto window = LastTokens(at.history, params.repeat_last_n);
  if (!PenaltiesOn(params) || window.empty()) return;
  CountTokens(window, ids_, counts_);
  if (!listed_) {
    const std::span<float> own = Own();
    for (const TokenCount& c : counts_) {
      float& logit = own[static_cast<size_t>(c.id)];
      logit = Penalized(logit, c.count, params);
    }
    return;
  }
  for (size_t i = 0; i < n_; ++i) {
    Candidate& c = candidates_[i];
    const auto found = std::lower_bound(counts_.begin(), counts_.end(), c.id,
                                        [](const TokenCount& t, int32_t id) { return t.id < id; });
    if (found != counts_.end() && found->id == c.id) c.logit = Penalized(c.logit, found->count, params);
  }
  sorted_ = top_known_ = false;
}

void Sampler::ApplyDry(const SamplingParams& params, const SampleAt& at) {
  if (!DryOn(params)) return;
  dry_.Penalties(LastTokens(at.history, params.dry_penalty_last_n), params, bytes_, penalties_);
  if (penalties_.empty()) return;
  if (!listed_) {
    const std::span<float> own = Own();
    for (const TokenPenalty& p : penalties_) own[static_cast<size_t>(p.id)] -= p.penalty;
    return;
  }
  for (size_t i = 0; i < n_; ++i) {
    Candidate& c = candidates_[i];
    const auto found = std::lower_bound(penalties_.begin(), penalties_.end(), c.id,
                                        [](const TokenPenalty& t, int32_t id) { return t.id < id; });
    if (found != penalties_.end() && found->id == c.id) c.logit -= found->penalty;
  }
  sorted_ = top_known_ = false;
}

int32_t Sampler::ArgMax(std::span<const uint64_t> allowed) const {
  int32_t id = -1;
  float best = -kInfinity;
  for (size_t i = 0; i < logits_.size(); ++i) {
    if (!(logits_[i] > best || id < 0) || !Allowed(allowed, i)) continue;
    best = Ordered(logits_[i]);
    id = static_cast<int32_t>(i);
  }
  return std::max(id, 0);
}

bool Sampler::EndsInTheBest(const SamplingParams& params) {
  bool cut = false;
  for (const SamplerStep step : params.steps) {
    if (TakesTheBest(step, params)) return true;
    switch (step) {
      case SamplerStep::kTypicalP:  // these two may drop the best
        if (params.typical_p < 1) return false;
        break;
      case SamplerStep::kXtc:
        if (params.xtc_probability > 0 && params.xtc_threshold <= 0.5f) return false;
        break;
      case SamplerStep::kPenalties:
      case SamplerStep::kDry:
        if (cut) return false;  // the best of all may be gone, and another one the best of the rest
        break;
      default:
        cut = true;
    }
  }
  return false;
}

// Whether the step may take tokens away or changes their probabilities.
bool Sampler::Chooses(SamplerStep step, const SamplingParams& p) const {
  switch (step) {
    case SamplerStep::kTopNSigma:
      return p.top_n_sigma > 0;
    case SamplerStep::kTopK:
      return p.top_k > 0 && static_cast<size_t>(p.top_k) < logits_.size();
    case SamplerStep::kTypicalP:
      return p.typical_p < 1;
    case SamplerStep::kTopP:
      return p.top_p < 1;
    case SamplerStep::kMinP:
      return p.min_p > 0;
    case SamplerStep::kXtc:
      return p.xtc_probability > 0 && p.xtc_threshold <= 0.5f;
    case SamplerStep::kTemperature:
      return true;
    default:
      return false;
  }
}

void Sampler::List() {
  if (listed_) return;
  n_ = 0;
  for (size_t i = 0; i < logits_.size(); ++i) {
    const float logit = Ordered(logits_[i]);
    if (logit > -kInfinity) candidates_[n_++] = {logit, static_cast<int32_t>(i)};
  }
  listed_ = true;
}

// False when there is no finite highest logit, and nothing to weigh.
bool Sampler::FindTop() {
  if (top_known_) return true;
  List();
  if (n_ == 0) return false;
  top_ = sorted_
             ? candidates_[0].logit
             : std::min_element(candidates_.begin(), candidates_.begin() + static_cast<ptrdiff_t>(n_), Before)->logit;
  top_known_ = top_ < kInfinity && top_ > -kInfinity;
  return top_known_;
}

int32_t Sampler::Sample(std::span<const float> logits, const SamplingParams& params, const SampleAt& at) {
  LACUNA_DCHECK(!logits.empty() && logits.size() == candidates_.size());
  const FpScope fp;
  logits_ = logits;
  listed_ = sorted_ = top_known_ = false;
  temperature_ = 1;
  Bias(params);
  Mask(at.allowed);
  if (EndsInTheBest(params)) {
    for (const SamplerStep step : params.steps) {
      if (step == SamplerStep::kPenalties) Penalize(params, at);
      if (step == SamplerStep::kDry) ApplyDry(params, at);
      if (TakesTheBest(step, params)) break;
    }
    return ArgMax(at.allowed);
  }
  for (const SamplerStep step : params.steps) {
    if (step == SamplerStep::kPenalties) Penalize(params, at);
    if (step == SamplerStep::kDry) ApplyDry(params, at);
    if (!Chooses(step, params)) continue;
    if (step == SamplerStep::kTopK && !listed_) TakeTopK(static_cast<size_t>(params.top_k));
    if (!FindTop()) return ArgMax(at.allowed);
    switch (step) {
      case SamplerStep::kTopNSigma:
        KeepTopNSigma(params.top_n_sigma);
        break;
      case SamplerStep::kTopK:
        KeepTopK(static_cast<size_t>(params.top_k));
        break;
      case SamplerStep::kTypicalP:
        KeepTypicalP(params.typical_p);
        break;
      case SamplerStep::kTopP:
        KeepTopP(params.top_p);
        break;
      case SamplerStep::kMinP:
        KeepMinP(params.min_p);
        break;
      case SamplerStep::kXtc:
        ExcludeTop(params, at);
        break;
      default:
        Heat(params.temperature);
    }
  }
  return FindTop() ? Draw(params, at) : ArgMax(at.allowed);
}

int32_t Sampler::Draw(const SamplingParams& params, const SampleAt& at) {
  const float uniform = UniformFloat(RandomWords(params.seed, at.request, at.position, RandomPurpose::kSample)[0]);
  const double target = double{uniform} * Weigh();
  double sum = 0;
  int32_t drawn = candidates_[0].id;
  for (size_t i = 0; i < n_; ++i) {
    if (!(weights_[i] > 0)) continue;
    drawn = candidates_[i].id;  // the last possible one, should rounding leave the target beyond the sum
    sum += weights_[i];
    if (sum > target) break;
  }
  return drawn;
}

}  // namespace lacuna
