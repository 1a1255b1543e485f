// Which level (bits, sparsity) each matrix gets, so that the sum of what they cost in quality is least within so many
// bytes: a knapsack of which one item of every class is taken.
//
// Solved by the set of partial choices that none other beats in bytes and loss (Nemhauser and Ullmann 1969): exact
// while it has at most kMostStates; beyond, it is thinned to the best in each of so many equal ranges of bytes, and the
// result may miss the optimum by about 1 / kMostStates of the bytes. Never worse than the best single level for all.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace lacuna {

inline constexpr std::size_t kMostStates = 4096;

struct LevelCost {
  int64_t bytes = 0;
  double loss = 0;  // finite, not negative
};

// choices[m]: the levels of matrix m, at least one. The level of each, or nothing when even the smallest need more than
// `budget` bytes. Of equally good choices the one of fewer bytes; depends on nothing but its arguments.
std::optional<std::vector<int>> Allocate(const std::vector<std::vector<LevelCost>>& choices, int64_t budget);

// The best level that fits when all matrices have the same; those of fewer levels have their last.
std::optional<int> UniformLevel(const std::vector<std::vector<LevelCost>>& choices, int64_t budget);

// Of one choice: the sums over all matrices.
LevelCost SumOf(const std::vector<std::vector<LevelCost>>& choices, const std::vector<int>& levels);
// Of one level for all.
std::vector<int> EveryoneAt(const std::vector<std::vector<LevelCost>>& choices, int level);

}  // namespace lacuna
