// Which weights go: those of the lowest scores, so many of each row, or of each M consecutive weights.
//
//   magnitude   |w|                          Han et al. 2015
//   Wanda       |w| * |x_k|, |x_k| the norm of input k over the calibration text: sqrt(H_kk)      Sun et al. 2023
//   SparseGPT   w^2 / U_kk^2, w as the columns before have left it, U the factor of compress/inverse_factor.h
#pragma once

#include <cstdint>
#include <span>

namespace lacuna {

struct PruneRule {
  double fraction = 0;  // of every row; without a pattern
  int n = 0, m = 0;     // N:M: of m consecutive weights n stay; m divides 16

  bool pattern() const { return m > 0; }
  // Weights of a row that go before column k.
  int64_t Before(int64_t k) const { return static_cast<int64_t>(fraction * static_cast<double>(k)); }
};

// Marks the `count` lowest of scores, by 1 in marks[i * stride], and the others by 0. Of equals the first go first.
void MarkLowest(std::span<const float> scores, int64_t count, uint8_t* marks, int64_t stride);

// A row's columns from `begin` on, scores[0] the first of them; with a pattern, begin is a multiple of m. The last m of
// a row may be short: more than n of them do not stay.
void MarkRow(std::span<const float> scores, int64_t begin, const PruneRule& rule, uint8_t* marks, int64_t stride);

}  // namespace lacuna
