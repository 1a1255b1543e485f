#include "weights/razer_scale.h"

#include <smmintrin.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/f16.h"
#include "base/small_float.h"

namespace lacuna {
namespace {

constexpr int kShrinks = 13, kLongShrinks = 18;  // of +-5 and of +-8
constexpr float kShrinkStep = 0.025f;

uint32_t StoredBits(float s, bool half) { return half ? FloatToF16(s) : FloatBits(s); }
float FromStored(uint32_t bits, bool half) {
  return half ? F16ToFloat(static_cast<uint16_t>(bits)) : FloatFromBits(bits);
}

// The number nearest to s > 0 whose stored bit 0 is `book`; 0 only if s is stored as 0 and book is 0.
float Stored(float s, int book, bool half) {
  const uint32_t nearest = StoredBits(s, half);
  if (static_cast<int>(nearest & 1) == book) return FromStored(nearest, half);
  const float up = FromStored(nearest + 1, half);
  if (nearest <= 1) return up;
  const float down = FromStored(nearest - 1, half);
  return up - s < s - down && std::isfinite(up) ? up : down;
}

__m128 Magnitude(__m128 x) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), x); }

// The nearest of 0, 1, 2, 3, 4, 6, 8, 12 to a >= 0: steps of 1 below 4, of 2 below 8, of 4 beyond.
__m128 NearestE2M1(__m128 a) {
  const auto steps = [&](float unit, float inverse) {
    const __m128 n = _mm_round_ps(_mm_mul_ps(a, _mm_set1_ps(inverse)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return _mm_mul_ps(n, _mm_set1_ps(unit));
  };
  const __m128 fine = steps(1, 1), middle = steps(2, 0.5f), coarse = _mm_min_ps(steps(4, 0.25f), _mm_set1_ps(12));
  const __m128 upper = _mm_blendv_ps(middle, coarse, _mm_cmpge_ps(a, _mm_set1_ps(8)));
  return _mm_blendv_ps(fine, upper, _mm_cmpge_ps(a, _mm_set1_ps(4)));
}

double Sum(__m128 x) {
  alignas(16) float lanes[4];
  _mm_store_ps(lanes, x);
  return (double{lanes[0]} + lanes[2]) + (double{lanes[1]} + lanes[3]);
}

class Search {
 public:
  Search(std::span<const float> w, std::span<const float> importance, bool half) : half_(half) {
    const std::size_t padded = (w.size() + 3) / 4 * 4;
    w_.assign(padded, 0);
    importance_.assign(padded, 0);
    for (std::size_t i = 0; i < w.size(); ++i) {
      w_[i] = w[i];
      importance_[i] = importance.empty() ? 1.0f : importance[i];
      largest_ = std::max(largest_, std::fabs(w[i]));
    }
  }

  RazerScale Run() {
    const float first = FromStored(StoredBits(largest_ / 12, half_), half_);
    if (first == 0 || !std::isfinite(first)) return {.s = first};
    for (int i = 0; i < kLongShrinks; ++i) {
      const float s = largest_ * (1 - static_cast<float>(i) * kShrinkStep) / 12;
      for (int book = i < kShrinks ? 0 : 1; book < 2; ++book) Try(Stored(s, book, half_), book);
    }
    const Candidate searched[2][2] = {{best_[0][0], best_[0][1]}, {best_[1][0], best_[1][1]}};
    for (int book = 0; book < 2; ++book) {
      for (const Candidate& candidate : searched[book]) {
        const float fitted = candidate.s == 0 ? 0 : Fit(candidate.s, book);
        if (fitted > 0) Try(Stored(fitted, book, half_), book);
      }
    }
    const Candidate* best = &best_[0][0];
    int book = 0;
    for (int b = 0; b < 2; ++b) {
      for (const Candidate& candidate : best_[b]) {
        if (candidate.s == 0 || candidate.error >= best->error) continue;
        best = &candidate;
        book = b;
      }
    }
    return {.s = best->s, .book = book};
  }

 private:
  struct Candidate {
    float s = 0;
    double error = INFINITY;
  };

  // Both signs of the special value at once.
  void Try(float s, int book) {
    if (s == 0 || !std::isfinite(s)) return;
    const __m128 inverse = _mm_set1_ps(1 / s), special = _mm_set1_ps(static_cast<float>(kRazerSpecial[book]));
    __m128 plus = _mm_setzero_ps(), minus = _mm_setzero_ps();
    for (std::size_t i = 0; i < w_.size(); i += 4) {
      const __m128 v = _mm_mul_ps(_mm_loadu_ps(&w_[i]), inverse), a = Magnitude(v);
      const __m128 importance = _mm_loadu_ps(&importance_[i]), error = Magnitude(_mm_sub_ps(a, NearestE2M1(a)));
      const __m128 p = _mm_min_ps(error, Magnitude(_mm_sub_ps(v, special)));
      const __m128 m = _mm_min_ps(error, Magnitude(_mm_add_ps(v, special)));
      plus = _mm_add_ps(plus, _mm_mul_ps(importance, _mm_mul_ps(p, p)));
      minus = _mm_add_ps(minus, _mm_mul_ps(importance, _mm_mul_ps(m, m)));
    }
    const double square = double{s} * s;
    Keep(s, Sum(plus) * square, &best_[book][0]);
    Keep(-s, Sum(minus) * square, &best_[book][1]);
  }

  static void Keep(float s, double error, Candidate* best) {
    if (error < best->error) *best = {s, error};
  }

  // sum(w c) / sum(c^2) of the codes that s gives; with the sign of s taken away.
  float Fit(float s, int book) const {
    const __m128 inverse = _mm_set1_ps(1 / s), special = _mm_set1_ps(static_cast<float>(kRazerSpecial[book]));
    __m128 products = _mm_setzero_ps(), squares = _mm_setzero_ps();
    for (std::size_t i = 0; i < w_.size(); i += 4) {
      const __m128 w = _mm_loadu_ps(&w_[i]), v = _mm_mul_ps(w, inverse), a = Magnitude(v);
      const __m128 sign = _mm_and_ps(v, _mm_set1_ps(-0.0f)), importance = _mm_loadu_ps(&importance_[i]);
      const __m128 e2m1 = _mm_or_ps(NearestE2M1(a), sign);
      const __m128 nearer = _mm_cmplt_ps(Magnitude(_mm_sub_ps(v, special)), Magnitude(_mm_sub_ps(v, e2m1)));
      const __m128 c = _mm_blendv_ps(e2m1, special, nearer), weighed = _mm_mul_ps(importance, c);
      products = _mm_add_ps(products, _mm_mul_ps(weighed, w));
      squares = _mm_add_ps(squares, _mm_mul_ps(weighed, c));
    }
    const double sum = Sum(squares);
    return sum == 0 ? 0 : static_cast<float>(Sum(products) / sum) * (s < 0 ? -1.0f : 1.0f);
  }

  const bool half_;
  std::vector<float> w_, importance_;  // padded with zeros to fours
  float largest_ = 0;
  Candidate best_[2][2];  // [book][0: positive, 1: negative]
};

}  // namespace

RazerScale FindRazerScale(std::span<const float> w, std::span<const float> importance, bool half) {
  return Search(w, importance, half).Run();
}

}  // namespace lacuna
