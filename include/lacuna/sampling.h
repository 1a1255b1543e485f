// How the next token is chosen from logits. Names, defaults and order are llama.cpp's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

// The steps of the chain. All but the first two and the last only take tokens away, and always leave one.
enum class SamplerStep : uint8_t {
  kPenalties,    // repeat_penalty, frequency_penalty, presence_penalty
  kDry,          // tokens that would go on repeating a sequence lose the more, the longer it is
  kTopNSigma,    // keep logits within n standard deviations of the highest
  kTopK,         // keep the k highest
  kTypicalP,     // keep those whose information is nearest to the entropy, until their probabilities sum to p
  kTopP,         // keep the most probable until they sum to p
  kMinP,         // keep those with at least p times the highest probability
  kXtc,          // now and then drop all tokens above a threshold but the least probable of them
  kTemperature,  // probabilities ~ exp(logit / temperature) from here on
};
inline constexpr int kSamplerSteps = 9;

// "penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature".
const char* SamplerStepName(SamplerStep step);
// Names separated by ';' (or llama.cpp's other spellings: "top-k", "temp", ..), each step at most once. Left out steps
// do not take place.
Result<std::vector<SamplerStep>> ParseSamplerSteps(std::string_view names);

struct LogitBias {
  int32_t id = 0;
  float bias = 0;  // added to the token's logit before everything else; -infinity: never drawn
};

struct SamplingParams {
  float temperature = 0.8f;  // 0 or less: greedy, the best of what the steps before it left
  int top_k = 40;            // 0 or -1: off
  float top_p = 0.95f;       // 1: off
  float min_p = 0.05f;       // 0: off
  uint64_t seed = 0;         // one seed gives one text, at any thread count and on any machine

  float typical_p = 1.0f;     // 1: off
  float top_n_sigma = -1.0f;  // 0 or less: off
  float xtc_probability = 0.0f;
  float xtc_threshold = 0.1f;  // above 0.5: off, for no two tokens can both have more

  // Over the last repeat_last_n tokens of the lane, the prompt's among them; 0: none, -1: all. A token there c times:
  // positive logits are divided by repeat_penalty, others multiplied; then c * frequency_penalty + presence_penalty is
  // taken away.
  int repeat_last_n = 64;
  float repeat_penalty = 1.0f;     // 1: off
  float frequency_penalty = 0.0f;  // 0: off
  float presence_penalty = 0.0f;   // 0: off

  // DRY ("don't repeat yourself", https://github.com/oobabooga/text-generation-webui/pull/5677): if the last n tokens
  // stand elsewhere in the window too, n >= dry_allowed_length, the token that followed them there loses
  // dry_multiplier * dry_base ^ (n - dry_allowed_length). A sequence never reaches over a breaker.
  float dry_multiplier = 0.0f;  // 0: off
  float dry_base = 1.75f;
  int dry_allowed_length = 2;
  int dry_penalty_last_n = 64;                                              // 0: none, -1: all
  std::vector<std::string> dry_sequence_breakers = {"\n", ":", "\"", "*"};  // texts; these need a tokenizer

  std::vector<LogitBias> logit_bias;
  std::vector<SamplerStep> steps = {SamplerStep::kPenalties, SamplerStep::kDry,      SamplerStep::kTopNSigma,
                                    SamplerStep::kTopK,      SamplerStep::kTypicalP, SamplerStep::kTopP,
                                    SamplerStep::kMinP,      SamplerStep::kXtc,      SamplerStep::kTemperature};
};

// kInvalidInput names the setting that is out of its range, and the range.
Status CheckSampling(const SamplingParams& params, int vocab_size);

}  // namespace lacuna
