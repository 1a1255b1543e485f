#include "compress/solve.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace lacuna {
namespace {

std::size_t At(int64_t i) { return static_cast<std::size_t>(i); }

// 1, 0.975, .. 0.7 of the largest magnitude: with 4 bits the least error of bell-shaped weights lies at 0.8 to 0.95.
constexpr int kShrinks = 13;
constexpr float kShrinkStep = 0.025f;

class Solver {
 public:
  Solver(kernels::GemmTileFn tile, const SolveArgs& args) : tile_(tile), args_(args) {
    errors_.resize(At(kSolveBlock * args.channels));
    scales_.resize(At(args.channels));
  }

  void Run() {
    for (int64_t begin = 0; begin < args_.k; begin += kSolveBlock) {
      const int64_t end = std::min(args_.k, begin + kSolveBlock);
      if (args_.choose && !args_.choose->pattern()) Choose(begin, end);
      for (int64_t k = begin; k < end; ++k) {
        if (args_.quantizer != nullptr && args_.group > 0 && k % args_.group == 0) SetScales(k, end);
        if (args_.choose && args_.choose->pattern() && k % args_.choose->m == 0) {
          Choose(k, std::min(args_.k, k + args_.choose->m));
        }
        Column(k, begin, end);
      }
      if (args_.factor.data != nullptr && end < args_.k) {
        GemmAdd(tile_, {.a = args_.factor.At(begin, end),
                        .b = {errors_.data(), args_.channels},
                        .c = args_.w.At(end, 0),
                        .m = args_.k - end,
                        .n = args_.channels,
                        .k = end - begin,
                        .sign = -1});
      }
    }
  }

 private:
  // Marks the columns [begin, end) by the rule, from the weights as they are.
  void Choose(int64_t begin, int64_t end) {
    scores_.resize(At(end - begin));
    for (int64_t c = 0; c < args_.channels; ++c) {
      for (int64_t k = begin; k < end; ++k) {
        const float x = args_.w.Row(k)[c] / args_.factor.Row(k)[k];
        scores_[At(k - begin)] = x * x;
      }
      MarkRow(scores_, begin, *args_.choose, args_.pruned + begin * args_.channels + c, args_.channels);
    }
  }

  // `known`: marks of the columns before it are final.
  void SetScales(int64_t begin, int64_t known) {
    const int64_t end = std::min(args_.k, begin + args_.group);
    if (args_.choose) {  // for now: they are chosen again when their turn comes
      if (args_.choose->pattern()) {
        Choose(begin, end);
      } else {
        for (int64_t k = known; k < end; k += kSolveBlock) Choose(k, std::min(end, k + kSolveBlock));
      }
    }
    for (int64_t c = 0; c < args_.channels; ++c) {
      group_.clear();
      importance_.clear();
      for (int64_t k = begin; k < end; ++k) {
        if (Pruned(k, c)) continue;
        group_.push_back(args_.w.Row(k)[c]);
        if (!args_.importance.empty()) importance_.push_back(args_.importance[At(k)]);
      }
      scales_[At(c)] = SearchScale(*args_.quantizer, group_, importance_, args_.search);
      args_.scales[begin / args_.group * args_.channels + c] = scales_[At(c)];
    }
  }

  bool Pruned(int64_t k, int64_t c) const {
    return args_.pruned != nullptr && args_.pruned[k * args_.channels + c] != 0;
  }

  void Column(int64_t k, int64_t begin, int64_t end) {
    float* w = args_.w.Row(k);
    float* errors = errors_.data() + (k - begin) * args_.channels;
    const bool carry = args_.factor.data != nullptr;
    const float* u = carry ? args_.factor.Row(k) : nullptr;
    for (int64_t c = 0; c < args_.channels; ++c) {
      float q = w[c];
      if (Pruned(k, c)) {
        q = 0;
        if (args_.values != nullptr) args_.values[k * args_.channels + c] = -1;
      } else if (args_.quantizer != nullptr) {
        const int32_t value = args_.quantizer->Value(q, scales_[At(c)]);
        args_.values[k * args_.channels + c] = value;
        q = value < 0 ? 0.0f : args_.quantizer->Real(value, scales_[At(c)]);
      }
      if (carry) errors[c] = (w[c] - q) / u[k];
      w[c] = q;
    }
    if (!carry) return;
    for (int64_t j = k + 1; j < end; ++j) {
      float* to = args_.w.Row(j);
      const float factor = u[j];
      for (int64_t c = 0; c < args_.channels; ++c) to[c] -= factor * errors[c];
    }
  }

  const kernels::GemmTileFn tile_;
  const SolveArgs& args_;
  std::vector<float> errors_;  // of a block, [128][channels]
  std::vector<GroupScale> scales_;
  std::vector<float> scores_, group_, importance_;
};

}  // namespace

void Solve(kernels::GemmTileFn tile, const SolveArgs& args) { Solver(tile, args).Run(); }

GroupScale SearchScale(const Quantizer& quantizer, std::span<const float> w, std::span<const float> importance,
                       bool search) {
  if (quantizer.selects()) return quantizer.SelectedScale(w, importance);
  GroupScale best = quantizer.Scale(w);
  if (!search || w.empty() || best.s == 0 || !std::isfinite(best.s)) return best;
  double least = 0;
  for (int i = 0; i < kShrinks; ++i) {
    const GroupScale scale = quantizer.Scale(w, 1 - static_cast<float>(i) * kShrinkStep);
    if (scale.s == 0) break;
    // Eight sums side by side, so that they do not wait for each other.
    float sums[8] = {};
    for (std::size_t k = 0; k < w.size(); ++k) {
      const float error = w[k] - quantizer.Real(quantizer.Value(w[k], scale), scale);
      sums[k % 8] += (importance.empty() ? 1.0f : importance[k]) * error * error;
    }
    double sum = 0;
    for (float s : sums) sum += s;
    if (i == 0 || sum < least) {
      least = sum;
      best = scale;
    }
  }
  return best;
}

}  // namespace lacuna
