// Estimates with 95 % intervals.
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/evaluate.h"

namespace lacuna {

inline constexpr double kZ95 = 1.959963984540054;  // the normal distribution's 97.5th percentile

// Count, sum and sum of squares of numbers taken as independent.
struct Moments {
  int64_t n = 0;
  double sum = 0;
  double squares = 0;

  void Add(double x) {
    ++n;
    sum += x;
    squares += x * x;
  }
  Moments& operator+=(const Moments& o) {
    n += o.n;
    sum += o.sum;
    squares += o.squares;
    return *this;
  }
  double mean() const { return n > 0 ? sum / static_cast<double>(n) : 0; }
  double StandardError() const;  // of the mean; 0 for fewer than two numbers
};

// mean -+ 1.96 standard errors.
Estimate MeanOf(const Moments& m);
// exp of the mean and of its interval's ends: a perplexity, or a ratio of two.
Estimate ExpMeanOf(const Moments& m);
// A share with Wilson's interval, which stays inside 0..1 and is no point at 0 of n.
Estimate ShareOf(int64_t right, int64_t n);
// Linear between the closest ranks, as numpy.percentile and llama.cpp; `fraction` 0 to 1. Reorders `values`, which are
// not empty.
double Percentile(std::vector<float>* values, double fraction);

}  // namespace lacuna
