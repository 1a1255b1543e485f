// Decimal integers of a range, as GBNF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lacuna {

// Up to this many digits are written where a range has no end.
inline constexpr int kMaxDigits = 16;

// Alternatives, joined by " | ", of the integers from `min` to `max` (no limit when absent), no leading zeros, no -0;
// "" when there are none. Limits lie within +-(2^53 - 1).
std::string IntegerRange(std::optional<int64_t> min, std::optional<int64_t> max);

}  // namespace lacuna
