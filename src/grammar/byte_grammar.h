// A grammar over bytes, as the machine runs it: rules of alternatives, alternatives of symbols.
//
//   symbols  every alternative's symbols one after another, each alternative closed by kEnd
//            >= 0: a rule; kEnd: the alternative is over; else ~s, one byte out of sets[s]
//
// A position in the grammar is an index into `symbols`.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace lacuna {

struct ByteSet {
  std::array<uint64_t, 4> bits = {};

  void Add(int first, int last) {
    for (int b = first; b <= last; ++b) bits[static_cast<size_t>(b) / 64] |= uint64_t{1} << (b % 64);
  }
  bool Has(uint8_t byte) const { return (bits[byte / 64] >> (byte % 64) & 1) != 0; }
  auto operator<=>(const ByteSet&) const = default;
};

struct ByteGrammar {
  static constexpr int32_t kEnd = std::numeric_limits<int32_t>::min();

  std::vector<ByteSet> sets;
  std::vector<int32_t> symbols;
  std::vector<std::vector<int32_t>> rules;  // of each rule the positions where its alternatives begin
  int32_t root = 0;
};

}  // namespace lacuna
