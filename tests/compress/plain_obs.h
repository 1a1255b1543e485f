// GPTQ and SparseGPT as their papers have them, in double precision and without any of compress/'s shortcuts: the
// inverse of the Hessian of the columns that are left is kept, and one column is taken out of it at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "base/bf16.h"

namespace lacuna::testing {

// The sum over rows of d H d^T.
inline double PlainEnergy(const std::vector<double>& h, const std::vector<double>& d, int n, int k) {
  double sum = 0;
  for (int c = 0; c < n; ++c) {
    const double* row = d.data() + static_cast<std::ptrdiff_t>(c) * k;
    for (int i = 0; i < k; ++i) {
      if (row[i] == 0) continue;
      double product = 0;
      for (int j = 0; j < k; ++j) product += h[static_cast<std::size_t>(i * k + j)] * row[j];
      sum += row[i] * product;
    }
  }
  return sum;
}

// Gauss and Jordan, for positive definite matrices.
inline std::vector<double> PlainInverse(std::vector<double> a, int k) {
  std::vector<double> inverse(a.size());
  for (int i = 0; i < k; ++i) inverse[static_cast<std::size_t>(i * k + i)] = 1;
  for (int p = 0; p < k; ++p) {
    const double pivot = a[static_cast<std::size_t>(p * k + p)];
    for (int j = 0; j < k; ++j) {
      a[static_cast<std::size_t>(p * k + j)] /= pivot;
      inverse[static_cast<std::size_t>(p * k + j)] /= pivot;
    }
    for (int i = 0; i < k; ++i) {
      const double factor = a[static_cast<std::size_t>(i * k + p)];
      if (i == p || factor == 0) continue;
      for (int j = 0; j < k; ++j) {
        a[static_cast<std::size_t>(i * k + j)] -= factor * a[static_cast<std::size_t>(p * k + j)];
        inverse[static_cast<std::size_t>(i * k + j)] -= factor * inverse[static_cast<std::size_t>(p * k + j)];
      }
    }
  }
  return inverse;
}

enum class Rounding { kBf16, kInt8Row };

// w [n][k], k at most 128 (one block); `fraction` of each row goes.
inline std::vector<double> PlainSparseGpt(const std::vector<double>& h, std::vector<double> w, int n, int k,
                                          double fraction, Rounding rounding) {
  // inverses[p]: of the columns p .. k - 1, its row p.
  std::vector<double> inverse = PlainInverse(h, k);
  std::vector<std::vector<double>> rows;
  for (int p = 0; p < k; ++p) {
    const auto begin = inverse.begin() + static_cast<std::ptrdiff_t>(p) * k;
    rows.emplace_back(begin, begin + k);
    for (int i = p + 1; i < k; ++i) {
      const double factor = inverse[static_cast<std::size_t>(i * k + p)] / rows.back()[static_cast<std::size_t>(p)];
      for (int j = p; j < k; ++j)
        inverse[static_cast<std::size_t>(i * k + j)] -= factor * rows.back()[static_cast<std::size_t>(j)];
    }
  }
  for (int c = 0; c < n; ++c) {
    double* row = w.data() + static_cast<std::ptrdiff_t>(c) * k;
    double largest = 0;
    for (int j = 0; j < k; ++j) largest = std::max(largest, std::fabs(row[j]));
    std::vector<int> order(static_cast<std::size_t>(k));
    std::iota(order.begin(), order.end(), 0);
    const auto score = [&](int j) {
      return row[j] * row[j] / rows[static_cast<std::size_t>(j)][static_cast<std::size_t>(j)];
    };
    std::vector<double> scores;
    for (int j = 0; j < k; ++j) scores.push_back(score(j));
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return scores[static_cast<std::size_t>(a)] < scores[static_cast<std::size_t>(b)];
    });
    std::vector<bool> gone(static_cast<std::size_t>(k));
    for (int i = 0; i < static_cast<int>(fraction * k); ++i)
      gone[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = true;
    for (int p = 0; p < k; ++p) {
      double q = 0;
      if (!gone[static_cast<std::size_t>(p)]) {
        q = rounding == Rounding::kBf16
                ? ToFloat(ToBf16(static_cast<float>(row[p])))
                : largest / 127 * std::clamp(std::nearbyint(row[p] / (largest / 127)), -127.0, 127.0);
      }
      const std::vector<double>& g = rows[static_cast<std::size_t>(p)];
      const double error = (row[p] - q) / g[static_cast<std::size_t>(p)];
      row[p] = q;
      for (int j = p + 1; j < k; ++j) row[j] -= error * g[static_cast<std::size_t>(j)];
    }
  }
  return w;
}

}  // namespace lacuna::testing
