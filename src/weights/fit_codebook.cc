#include "weights/fit_codebook.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace lacuna {
namespace {

constexpr int kEntries = 16;

double BinValue(int bin) { return static_cast<double>(bin) / kFitBinsPerUnit - 127; }

// Prefix sums over the bins that are not empty: the cost of one entry for any run of them.
class Runs {
 public:
  explicit Runs(std::span<const int64_t> counts) : n_{0}, sum_{0}, squares_{0} {
    for (int bin = 0; bin < static_cast<int>(counts.size()); ++bin) {
      if (counts[static_cast<std::size_t>(bin)] == 0) continue;
      const auto count = static_cast<double>(counts[static_cast<std::size_t>(bin)]);
      n_.push_back(n_.back() + count);
      sum_.push_back(sum_.back() + count * BinValue(bin));
      squares_.push_back(squares_.back() + count * BinValue(bin) * BinValue(bin));
    }
  }
  int size() const { return static_cast<int>(n_.size()) - 1; }
  double Mean(int begin, int end) const { return Sum(begin, end) / N(begin, end); }
  // Of the squared distances of bins [begin, end) to their mean.
  double Cost(int begin, int end) const {
    if (end - begin <= 1) return 0;
    const double sum = Sum(begin, end);
    return std::max(0.0, squares_[At(end)] - squares_[At(begin)] - sum * sum / N(begin, end));
  }

 private:
  static std::size_t At(int i) { return static_cast<std::size_t>(i); }
  double N(int begin, int end) const { return n_[At(end)] - n_[At(begin)]; }
  double Sum(int begin, int end) const { return sum_[At(end)] - sum_[At(begin)]; }

  std::vector<double> n_, sum_, squares_;
};

// best[i] = least cost of the first i runs with one entry more than in `before`; from[i] where its last entry begins.
// from is monotone in i, so halving the range of i halves the range of from (divide and conquer).
void Extend(const Runs& runs, const std::vector<double>& before, int begin, int end, int low, int high,
            std::vector<double>* best, std::vector<int>* from) {
  if (begin >= end) return;
  const int i = (begin + end) / 2;
  double least = std::numeric_limits<double>::infinity();
  int split = low;
  for (int s = low; s <= std::min(high, i); ++s) {
    const double cost = before[static_cast<std::size_t>(s)] + runs.Cost(s, i);
    if (cost < least) {
      least = cost;
      split = s;
    }
  }
  (*best)[static_cast<std::size_t>(i)] = least;
  (*from)[static_cast<std::size_t>(i)] = split;
  Extend(runs, before, begin, i, low, split, best, from);
  Extend(runs, before, i + 1, end, split, high, best, from);
}

}  // namespace

std::array<int, kEntries> FitCodebook(std::span<const int64_t> counts, bool zero) {
  const Runs runs(counts);
  const int n = runs.size();
  std::array<int, kEntries> book{};
  if (n > 0) {
    const auto size = static_cast<std::size_t>(n) + 1;
    std::vector<double> cost(size);
    for (int i = 0; i <= n; ++i) cost[static_cast<std::size_t>(i)] = runs.Cost(0, i);
    std::vector<std::vector<int>> from(kEntries, std::vector<int>(size));
    for (int e = 1; e < kEntries; ++e) {
      std::vector<double> best(size);
      Extend(runs, cost, 0, n + 1, 0, n, &best, &from[static_cast<std::size_t>(e)]);
      cost = std::move(best);
    }
    int end = n;
    for (int e = kEntries - 1; e >= 0; --e) {
      const int begin = e == 0 ? 0 : from[static_cast<std::size_t>(e)][static_cast<std::size_t>(end)];
      // An entry that nothing is left for repeats its neighbour.
      book[static_cast<std::size_t>(e)] = begin < end        ? static_cast<int>(std::lround(runs.Mean(begin, end)))
                                          : e + 1 < kEntries ? book[static_cast<std::size_t>(e) + 1]
                                                             : 0;
      end = begin;
    }
  }
  if (zero) {
    *std::min_element(book.begin(), book.end(), [](int a, int b) { return std::abs(a) < std::abs(b); }) = 0;
  }
  std::sort(book.begin(), book.end());
  return book;
}

}  // namespace lacuna
