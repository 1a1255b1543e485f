// Names of the steps, and the ranges of the settings.
#include <cmath>
#include <limits>

#include "lacuna/sampling.h"

namespace lacuna {
namespace {

constexpr const char* kNames[kSamplerSteps] = {"penalties", "dry",   "top_n_sigma", "top_k",      "typ_p",
                                               "top_p",     "min_p", "xtc",         "temperature"};

// Spellings that llama.cpp's --samplers takes beside those.
constexpr struct {
  const char* name;
  SamplerStep step;
} kOtherNames[] = {{"top-n-sigma", SamplerStep::kTopNSigma},
                   {"top-k", SamplerStep::kTopK},
                   {"typical", SamplerStep::kTypicalP},
                   {"typical-p", SamplerStep::kTypicalP},
                   {"typ", SamplerStep::kTypicalP},
                   {"typ-p", SamplerStep::kTypicalP},
                   {"top-p", SamplerStep::kTopP},
                   {"nucleus", SamplerStep::kTopP},
                   {"min-p", SamplerStep::kMinP},
                   {"temp", SamplerStep::kTemperature}};

// kSamplerSteps if there is none of this name.
int StepNamed(std::string_view name) {
  for (const auto& other : kOtherNames)
    if (name == other.name) return static_cast<int>(other.step);
  int step = 0;
  while (step < kSamplerSteps && name != kNames[step]) ++step;
  return step;
}

std::string AllNames() {
  std::string names;
  for (const char* name : kNames) names += (names.empty() ? "" : ";") + std::string(name);
  return names;
}

std::string Text(double value) {
  std::string text = std::to_string(value);
  while (text.find('.') != std::string::npos && (text.back() == '0' || text.back() == '.')) {
    const bool point = text.back() == '.';
    text.pop_back();
    if (point) break;
  }
  return text;
}

// NaN is in no range.
Status InRange(const char* name, double value, double min, double max) {
  if (value >= min && value <= max) return {};
  return InvalidInput(std::string("the sampling setting ") + name + " is " + Text(value) + ", expected " + Text(min) +
                      " to " + Text(max));
}

}  // namespace

const char* SamplerStepName(SamplerStep step) { return kNames[static_cast<int>(step)]; }

Result<std::vector<SamplerStep>> ParseSamplerSteps(std::string_view names) {
  std::vector<SamplerStep> steps;
  bool seen[kSamplerSteps] = {};
  while (!names.empty()) {
    const size_t cut = names.find(';');
    const std::string_view name = names.substr(0, cut);
    names = cut == names.npos ? std::string_view() : names.substr(cut + 1);
    const int step = StepNamed(name);
    if (step == kSamplerSteps) {
      return InvalidInput("there is no sampler '" + std::string(name.substr(0, 40)) + "', expected some of " +
                          AllNames());
    }
    if (seen[step])
      return InvalidInput("the sampler '" + std::string(name) + "' is named twice, expected once at most");
    seen[step] = true;
    steps.push_back(static_cast<SamplerStep>(step));
  }
  return steps;
}

Status CheckSampling(const SamplingParams& p, int vocab_size) {
  constexpr double kAny = 1e6;
  const struct {
    const char* name;
    double value, min, max;
  } ranges[] = {
      {"temperature", p.temperature, -kAny, kAny},
      {"top_k", static_cast<double>(p.top_k), -1, std::numeric_limits<int>::max()},
      {"top_p", p.top_p, 0, 1},
      {"min_p", p.min_p, 0, 1},
      {"typical_p", p.typical_p, 0, 1},
      {"top_n_sigma", p.top_n_sigma, -kAny, kAny},
      {"xtc_probability", p.xtc_probability, 0, 1},
      {"xtc_threshold", p.xtc_threshold, 0, 1},
      {"repeat_last_n", static_cast<double>(p.repeat_last_n), -1, std::numeric_limits<int>::max()},
      {"repeat_penalty", p.repeat_penalty, 1e-3, 1e3},
      {"frequency_penalty", p.frequency_penalty, -1e3, 1e3},
      {"presence_penalty", p.presence_penalty, -1e3, 1e3},
      {"dry_multiplier", p.dry_multiplier, 0, kAny},
      {"dry_base", p.dry_base, 1, kAny},
      {"dry_allowed_length", static_cast<double>(p.dry_allowed_length), 1, std::numeric_limits<int>::max()},
      {"dry_penalty_last_n", static_cast<double>(p.dry_penalty_last_n), -1, std::numeric_limits<int>::max()},
  };
  for (const auto& r : ranges) {
    if (Status s = InRange(r.name, r.value, r.min, r.max); !s.ok()) return s;
  }
  for (const LogitBias& b : p.logit_bias) {
    if (b.id < 0 || b.id >= vocab_size) {
      return InvalidInput("logit_bias names the token id " + std::to_string(b.id) + ", outside the vocabulary of " +
                          std::to_string(vocab_size));
    }
    if (std::isnan(b.bias) || b.bias == std::numeric_limits<float>::infinity()) {
      return InvalidInput("the logit_bias of token " + std::to_string(b.id) + " is " + std::to_string(b.bias) +
                          ", expected a number or -inf");
    }
  }
  for (const std::string& breaker : p.dry_sequence_breakers) {
    if (breaker.empty() || breaker.size() > 256) {
      return InvalidInput("a DRY sequence breaker has " + std::to_string(breaker.size()) + " bytes, expected 1 to 256");
    }
  }
  bool seen[kSamplerSteps] = {};
  for (const SamplerStep step : p.steps) {
    const int i = static_cast<int>(step);
    if (i >= kSamplerSteps || seen[i]) {
      return InvalidInput("steps of sampling: expected each of " + AllNames() + " at most once");
    }
    seen[i] = true;
  }
  return {};
}

}  // namespace lacuna
