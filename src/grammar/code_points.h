// Sets of code points as UTF-8: a set becomes a few sequences of byte ranges.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace lacuna {

using CodePointRange = std::pair<uint32_t, uint32_t>;  // both ends belong to it
inline constexpr uint32_t kLastCodePoint = 0x10FFFF;

// Sorted, without overlaps and neighbours, cut at kLastCodePoint, without surrogates.
std::vector<CodePointRange> Normalized(std::vector<CodePointRange> ranges);
// All code points that the (normalized) ranges lack.
std::vector<CodePointRange> Complement(const std::vector<CodePointRange>& ranges);

struct ByteRange {
  uint8_t first, last;
  auto operator<=>(const ByteRange&) const = default;
};
using ByteSequence = std::vector<ByteRange>;  // 1 to 4
// Sequences whose strings are exactly the UTF-8 encodings of the (normalized) ranges.
std::vector<ByteSequence> Utf8Sequences(const std::vector<CodePointRange>& ranges);

}  // namespace lacuna
