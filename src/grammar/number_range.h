// Decimal numbers of a range, as GBNF.
#pragma once

#include <optional>
#include <string>

namespace lacuna {

// One end of a range. |value| is at most 2^53 - 1, with at most kMaxLimitDigits digits after the point.
struct NumberLimit {
  double value = 0;
  bool open = false;  // the limit itself is not in the range
};
inline constexpr int kMaxLimitDigits = 15;

// Whether `value` can be a limit.
bool IsNumberLimit(double value);

// Alternatives, joined by " | ", of the numbers from `min` to `max` (no limit when absent), without exponents, leading
// zeros or -0. Up to 16 digits stand after the point, fewer if an open limit could otherwise be reached by rounding to
// a double. "" when there are none.
std::string NumberRange(const std::optional<NumberLimit>& min, const std::optional<NumberLimit>& max);

}  // namespace lacuna
