// What the past takes away from logits: penalties for tokens that were there, and DRY for going on with a repetition.
//
// Both are sparse: a list of (id, value) by rising id, computed from the last tokens of the lane. All arithmetic is in
// a fixed order from + - * / and our own pow, so that a penalty is the same bits on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lacuna/sampling.h"
#include "tokenizer/token_bytes.h"

namespace lacuna {

struct TokenCount {
  int32_t id;
  int32_t count;
};
struct TokenPenalty {
  int32_t id;
  float penalty;  // to be taken away
};

// The last `n` tokens; -1: all.
std::span<const int32_t> LastTokens(std::span<const int32_t> history, int n);

// Whether the settings change anything.
bool PenaltiesOn(const SamplingParams& params);
bool DryOn(const SamplingParams& params);

// How often each token stands in `window`. `sorted` is scratch.
void CountTokens(std::span<const int32_t> window, std::vector<int32_t>& sorted, std::vector<TokenCount>& counts);
// The logit of a token that stands `count` times in the window.
float Penalized(float logit, int32_t count, const SamplingParams& params);

class Dry {
 public:
  // `bytes` may be null: then nothing breaks a sequence.
  void Penalties(std::span<const int32_t> window, const SamplingParams& params, const TokenBytes* bytes,
                 std::vector<TokenPenalty>& penalties);

 private:
  // How many tokens stand behind the last breaker: no repetition reaches further back.
  int32_t AfterBreaker(std::span<const int32_t> window, const std::vector<std::string>& breakers,
                       const TokenBytes& bytes);

  std::string text_;
  std::vector<size_t> ends_;  // of each token in text_
  std::vector<int32_t> matches_;
  std::vector<TokenCount> longest_;  // id and the longest match it would continue
};

}  // namespace lacuna
