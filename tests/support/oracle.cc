#include "tests/support/oracle.h"

#include <algorithm>
#include <cmath>

namespace lacuna::testing {
namespace {

constexpr double kSlack = 1.01;      // second-order terms
constexpr double kFlush = 0x1p-126;  // one flushed result

}  // namespace

int Bf16DotRoundings(int k, int k_segment) {
  const int k_padded = (k + 31) / 32 * 32;
  const int segment = k_segment > 0 ? k_segment : k_padded;
  return 16 + 1 + std::min(segment, k_padded) / 32 + (k_padded + segment - 1) / segment;
}

Bounded OracleDot(std::span<const float> x, std::span<const float> w, int roundings) {
  // Neumaier's sum: the oracle's own error must stay far below 2^-24 of the terms even when they cancel.
  double sum = 0, rest = 0, magnitude = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double term = static_cast<double>(x[i]) * w[i];
    const double next = sum + term;
    rest += std::abs(sum) >= std::abs(term) ? (sum - next) + term : (term - next) + sum;
    sum = next;
    magnitude += std::abs(term);
  }
  const double operations = 2.0 * static_cast<double>(x.size()) + 64;
  return {sum + rest, kSlack * roundings * kEps * magnitude + operations * kFlush};
}

std::vector<Bounded> OracleRmsNorm(std::span<const float> x, std::span<const float> weight, double eps) {
  double squares = 0;
  for (float v : x) squares += static_cast<double>(v) * v;
  const double n = static_cast<double>(x.size());
  const double scale = 1.0 / std::sqrt(squares / n + eps);
  const double roundings = (std::ceil(n / 16) + 4 + 2) / 2 + 4;
  std::vector<Bounded> y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = x[i] * scale * weight[i];
    y.push_back({value, kSlack * roundings * kEps * std::abs(value) + kFlush * (1 + std::abs(weight[i]))});
  }
  return y;
}

std::vector<Bounded> OracleRope(std::span<const float> x, int heads, std::span<const float> cos,
                                std::span<const float> sin) {
  std::vector<Bounded> y(x.size());
  const std::size_t half = cos.size();
  for (int h = 0; h < heads; ++h) {
    const std::size_t base = 2 * half * static_cast<std::size_t>(h);
    for (std::size_t i = 0; i < half; ++i) {
      const double a = x[base + i], b = x[base + half + i], c = cos[i], s = sin[i];
      const auto bound = [](double u, double v) {
        return kSlack * 2 * kEps * (std::abs(u) + std::abs(v)) + 2 * kFlush;
      };
      y[base + i] = {a * c - b * s, bound(a * c, b * s)};
      y[base + half + i] = {b * c + a * s, bound(b * c, a * s)};
    }
  }
  return y;
}

Bounded OracleSiluMul(float gate, float up) {
  const double value = gate / (1.0 + std::exp(-static_cast<double>(gate))) * up;
  // Below exp's range the kernel divides by inf: the true value is then under 2^-120 of the product.
  return {value, kSlack * 5 * kEps * std::abs(value) + (std::abs(gate) * 0x1p-126 + kFlush) * (1 + std::abs(up))};
}

Bounded OracleGeluMul(float gate, float up) {
  const double g = gate, z = 2 * std::sqrt(2 / std::acos(-1.0)) * (g + 0.044715 * g * g * g);
  const double value = g / (1.0 + std::exp(-z)) * up;
  // z has five roundings (two of its constants), which exp turns into a relative error of |z| times as much.
  return {value, kSlack * (5 + 5 * std::abs(z)) * kEps * std::abs(value) +
                     (std::abs(gate) * 0x1p-126 + kFlush) * (1 + std::abs(up))};
}

std::vector<double> OracleSoftmax(std::span<const double> x) {
  const double max = *std::max_element(x.begin(), x.end());
  std::vector<double> p;
  double sum = 0;
  for (double v : x) sum += p.emplace_back(std::exp(v - max));
  for (double& v : p) v /= sum;
  return p;
}

AttentionOracle Bf16AttentionRoundings(int head_dim, int64_t tokens) {
  // Numerator: a term passes the dot over 64 slots, then an fma and a factor r (exp, its argument) for each later
  // block of the chunk and each later chunk, with the rounding of o * c and the exp c itself. The denominator has
  // the same path with the rule of sums (4 + 4) in place of the dot.
  const int blocks = 9;  // 8 in a chunk, one more when the first is cut
  const int chunks = static_cast<int>((tokens + 511) / 512) + 1;
  const int steps = 4 * (blocks + chunks) + 4;
  return {.score_roundings = Bf16DotRoundings(head_dim, 0) + 1,
          .sum_roundings = Bf16DotRoundings(64, 0) + 8 + 2 * steps + 1,
          .p_eps = kBf16Eps};
}

AttentionOracle F32AttentionRoundings(int head_dim, int64_t tokens) {
  return {.score_roundings = ChainRoundings(head_dim) + 1,
          .sum_roundings = static_cast<int>(tokens + tokens / 16 + 1 + 4) + 1,
          .p_eps = 0};
}

std::vector<Bounded> OracleAttention(std::span<const float> q, std::span<const float> k, std::span<const float> v,
                                     int head_dim, float scale, const AttentionOracle& roundings) {
  const std::size_t d = static_cast<std::size_t>(head_dim), tokens = k.size() / d;
  std::vector<double> scores(tokens);
  double score_error = 0;  // absolute, the largest of any token: p's relative error
  double largest = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    const Bounded dot = OracleDot(q, k.subspan(t * d, d), roundings.score_roundings);
    scores[t] = dot.value * scale;
    score_error = std::max(score_error, (dot.bound + kEps * std::abs(dot.value)) * std::abs(scale));
    largest = std::max(largest, std::abs(scores[t]));
  }
  // p = exp(s - m): the scores' errors, the subtraction's rounding, exp's own. It acts in numerator and denominator.
  const double p_error = std::expm1(score_error + 2 * largest * kEps) + kExpEps;
  const std::vector<double> p = OracleSoftmax(scores);
  std::vector<Bounded> y(d);
  for (std::size_t i = 0; i < d; ++i) {
    double value = 0, magnitude = 0;
    for (std::size_t t = 0; t < tokens; ++t) {
      value += p[t] * v[t * d + i];
      magnitude += p[t] * std::abs(v[t * d + i]);
    }
    // r and c are exps of differences of maxima, which are scores: their arguments' roundings are counted with the
    // largest score for each of the sum's steps.
    const double relative = 2 * p_error + roundings.p_eps + roundings.sum_roundings * kEps * (1 + 2 * largest);
    y[i] = {value, kSlack * relative * magnitude + static_cast<double>(tokens) * kFlush};
  }
  return y;
}

}  // namespace lacuna::testing
