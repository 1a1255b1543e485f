#include "compress/allocate.h"

#include <algorithm>
#include <limits>

namespace lacuna {
namespace {

// A choice of levels for the matrices so far.
struct State {
  int64_t bytes = 0;
  double loss = 0;
  int32_t before = 0;  // its place among the states without this matrix
  int32_t level = 0;
};

// Sorted by bytes, those that another one beats left out: losses fall.
void KeepBest(std::vector<State>* states) {
  std::stable_sort(states->begin(), states->end(), [](const State& a, const State& b) {
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.loss < b.loss;
  });
  double least = std::numeric_limits<double>::infinity();
  std::erase_if(*states, [&](const State& s) {
    if (s.loss >= least) return true;
    least = s.loss;
    return false;
  });
  if (states->size() <= kMostStates) return;
  // The first stays, so that what can be finished at all can be finished; of each range the last is the best.
  const int64_t first = states->front().bytes;
  const double width = static_cast<double>(states->back().bytes - first + 1) / static_cast<double>(kMostStates - 1);
  std::vector<State> thin = {states->front()};
  int64_t range = -1;
  for (const State& s : *states) {
    const auto its = static_cast<int64_t>(static_cast<double>(s.bytes - first) / width);
    if (its == range && thin.size() > 1) {
      thin.back() = s;
    } else {
      thin.push_back(s);
    }
    range = its;
  }
  *states = std::move(thin);
}

}  // namespace

LevelCost SumOf(const std::vector<std::vector<LevelCost>>& choices, const std::vector<int>& levels) {
  LevelCost sum;
  for (std::size_t m = 0; m < choices.size(); ++m) {
    const LevelCost& cost = choices[m][static_cast<std::size_t>(levels[m])];
    sum.bytes += cost.bytes;
    sum.loss += cost.loss;
  }
  return sum;
}

std::vector<int> EveryoneAt(const std::vector<std::vector<LevelCost>>& choices, int level) {
  std::vector<int> levels;
  for (const auto& of : choices) levels.push_back(std::min(level, static_cast<int>(of.size()) - 1));
  return levels;
}

std::optional<int> UniformLevel(const std::vector<std::vector<LevelCost>>& choices, int64_t budget) {
  int levels = 1;
  for (const auto& of : choices) levels = std::max(levels, static_cast<int>(of.size()));
  std::optional<int> best;
  LevelCost least;
  for (int level = 0; level < levels; ++level) {
    const LevelCost sum = SumOf(choices, EveryoneAt(choices, level));
    if (sum.bytes > budget) continue;
    if (best && (sum.loss > least.loss || (sum.loss == least.loss && sum.bytes >= least.bytes))) continue;
    best = level;
    least = sum;
  }
  return best;
}

std::optional<std::vector<int>> Allocate(const std::vector<std::vector<LevelCost>>& choices, int64_t budget) {
  int64_t rest = 0;  // what the matrices that are left need at least
  const auto smallest = [](const std::vector<LevelCost>& of) {
    return std::min_element(of.begin(), of.end(), [](auto& a, auto& b) { return a.bytes < b.bytes; })->bytes;
  };
  for (const auto& of : choices) rest += smallest(of);
  if (rest > budget) return std::nullopt;
  std::vector<std::vector<State>> stages = {{State{}}};
  for (const auto& of : choices) {
    rest -= smallest(of);
    std::vector<State> next;
    const std::vector<State>& now = stages.back();
    for (std::size_t level = 0; level < of.size(); ++level) {
      for (std::size_t i = 0; i < now.size(); ++i) {
        const int64_t bytes = now[i].bytes + of[level].bytes;
        if (bytes + rest > budget) break;
        next.push_back({bytes, now[i].loss + of[level].loss, static_cast<int32_t>(i), static_cast<int32_t>(level)});
      }
    }
    KeepBest(&next);
    stages.push_back(std::move(next));
  }
  std::vector<int> levels(choices.size());
  std::size_t at = stages.back().size() - 1;
  for (std::size_t m = choices.size(); m-- > 0;) {
    const State& s = stages[m + 1][at];
    levels[m] = s.level;
    at = static_cast<std::size_t>(s.before);
  }
  if (const auto level = UniformLevel(choices, budget)) {
    const std::vector<int> uniform = EveryoneAt(choices, *level);
    if (SumOf(choices, uniform).loss < SumOf(choices, levels).loss) return uniform;
  }
  return levels;
}

}  // namespace lacuna
