// The next token from logits: greedy, or a draw after top_k, top_p, min_p and temperature, in llama.cpp's order.
//
//   top_k   the k highest logits
//   top_p   of those, the shortest prefix by falling probability whose probabilities sum to top_p or more
//   min_p   of those, the ones with at least min_p times the highest probability
//   draw    p ~ exp((logit - max) / temperature); the first candidate whose running sum passes uniform * sum
//
// Ties go to the lowest id. Candidates stand by falling logit when top_k or top_p is on, else by id. exp is ours, sums
// are the contract's, the uniform number is Philox's for (seed, request, position): a draw is the same bits on every
// machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/elementwise.h"
#include "lacuna/generate.h"

namespace lacuna {

// Scratch for one vocabulary; Sample allocates nothing. One thread at a time.
class Sampler {
 public:
  explicit Sampler(int vocab_size, const kernels::ElementwiseKernels& kernels = kernels::kElementwiseRef);

  // `logits` has vocab_size finite values (a NaN counts as -inf). Returns the id; always 0 <= id < vocab_size.
  int32_t Sample(std::span<const float> logits, const SamplingParams& params, uint64_t request, int64_t position);

 private:
  struct Candidate {
    float logit;
    int32_t id;
  };
  static bool Before(const Candidate& a, const Candidate& b);  // falling logit, then rising id

  // Each keeps some of the first `n` candidates, in front, and returns how many: at least one.
  size_t KeepTopK(std::span<const float> logits, size_t k);
  size_t KeepTopP(size_t n, bool sorted, float top, float top_p);
  size_t KeepMinP(size_t n, float top, float min_p);
  float Weigh(size_t n, float top, float temperature);  // fills weights_, returns their sum

  const kernels::ElementwiseKernels& kernels_;
  std::vector<Candidate> candidates_;
  std::vector<float> weights_;
};

}  // namespace lacuna
