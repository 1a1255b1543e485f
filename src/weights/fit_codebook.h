// A codebook of 16 integers that fits a tensor best: k-means in one dimension, exactly.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace lacuna {

// Counts of values v in [-127, 127], in bins of 1 / 16.
inline constexpr int kFitBins = 2 * 127 * 16 + 1;
inline constexpr int kFitBinsPerUnit = 16;

// The 16 entries, ascending, in [-127, 127], with the least sum of squared distances of the values to their nearest
// entry, then rounded to integers. With `zero`, the entry nearest to 0 is 0. Depends on nothing but the counts.
std::array<int, 16> FitCodebook(std::span<const int64_t> counts, bool zero);

}  // namespace lacuna
