// The next token from logits: biases and a mask first, then a chain of steps (lacuna/sampling.h), then a draw.
//
//   penalties, dry  take away from the logits of tokens that the history names (session/penalties.h)
//   top_n_sigma     logits >= highest - n * (standard deviation of the finite logits)
//   top_k           the k highest logits
//   typ_p           of those, by rising |entropy - information|, as many as reach typical_p
//   top_p           of those, the shortest prefix by falling probability whose probabilities sum to top_p or more
//   min_p           of those, the ones with at least min_p times the highest probability
//   xtc             with xtc_probability: of those at or above xtc_threshold, if two or more, only the least probable
//   stays temperature     probabilities are p ~ exp((logit - max) / temperature) from here on; 0: only the best stays
//   draw            the first candidate whose running sum passes uniform * sum
//
// Ties go to the lowest id. Candidates stand by falling logit when top_k or top_p is on, else by id. exp, log and pow
// are ours, sums are in a fixed order, random numbers are Philox's for (seed, request, position, purpose): a draw is
// the same bits on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/elementwise.h"
#include "lacuna/sampling.h"
#include "session/penalties.h"

namespace lacuna {

// What a draw depends on besides logits and settings.
struct SampleAt {
  uint64_t request = 0;
  int64_t position = 0;
  std::span<const int32_t> history = {};   // all tokens of the lane, for penalties and DRY
  std::span<const uint64_t> allowed = {};  // bit id of word id / 64; empty: every token. At least one bit is set.
};

// Scratch for one vocabulary; Sample allocates nothing once its scratch has grown. One thread at a time.
class Sampler {
 public:
  // `bytes` serves DRY's sequence breakers and may be null.
  explicit Sampler(int vocab_size, const kernels::ElementwiseKernels& kernels = kernels::kElementwiseRef,
                   const TokenBytes* bytes = nullptr);

  // `logits` has vocab_size finite values (a NaN counts as -inf), `params` passed CheckSampling. Returns the id; always
  // one that `at.allowed` has.
  int32_t Sample(std::span<const float> logits, const SamplingParams& params, const SampleAt& at);

 private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  static bool Before(const Candidate& a, const Candidate& b);  // falling logit, then rising id

  std::span<float> Own();  // logits_ in a copy that may change
  void Bias(const SamplingParams& params);
  void Mask(std::span<const uint64_t> allowed);
  void Penalize(const SamplingParams& params, const SampleAt& at);
  void ApplyDry(const SamplingParams& params, const SampleAt& at);
  int32_t ArgMax(std::span<const uint64_t> allowed) const;
  // Whether the best logit is what the chain ends with.
  static bool EndsInTheBest(const SamplingParams& params);

  bool Chooses(SamplerStep step, const SamplingParams& params) const;

  void List();              // candidates from all finite logits, by id
  bool FindTop();           // sets top_
  float Weigh();            // fills weights_ with exp((logit - top) / temperature_), returns their sum
  void TakeTopK(size_t k);  // a list of the k highest logits
  // Each keeps some of the candidates, at least one.
  void KeepTopNSigma(float n);
  void KeepTopK(size_t k);
  void KeepTypicalP(float typical_p);
  void KeepTopP(float top_p);
  void KeepMinP(float min_p);
  void ExcludeTop(const SamplingParams& params, const SampleAt& at);
  void Heat(float temperature);
  int32_t Draw(const SamplingParams& params, const SampleAt& at);

  const kernels::ElementwiseKernels& kernels_;
  const TokenBytes* bytes_;

  std::span<const float> logits_;  // the caller's, or own_
  std::vector<float> own_;
  bool listed_ = false;  // the candidates are candidates_[0..n_); before that, all of logits_
  bool sorted_ = false;  // by Before
  bool top_known_ = false;
  float top_ = 0;  // the highest logit among the candidates
  size_t n_ = 0;
  float temperature_ = 1;
  std::vector<Candidate> candidates_;
  std::vector<float> weights_;

  std::vector<int32_t> ids_;
  std::vector<TokenCount> counts_;
  std::vector<TokenPenalty> penalties_;
  std::vector<std::pair<double, uint32_t>> surprise_;
  Dry dry_;
};

}  // namespace lacuna
