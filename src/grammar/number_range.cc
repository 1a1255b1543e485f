#include "grammar/number_range.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

#include "grammar/integer_range.h"

namespace lacuna {
namespace {

// Digits after the point. With a limit that is open itself so few that a reader's double is not rounded to it: numbers
// of up to 15 digits are apart in doubles.
int FractionDigits(const std::optional<NumberLimit>& min, const std::optional<NumberLimit>& max) {
  int digits = 16;
  for (const auto& limit : {min, max}) {
    if (!limit || !limit->open) continue;
    const auto whole = std::to_string(static_cast<int64_t>(std::abs(limit->value))).size();
    digits = std::min(digits, std::max(0, 15 - static_cast<int>(whole)));
  }
  return digits;
}

std::string AnyFraction(int digits) { return digits == 0 ? "" : "(\".\" [0-9]{1," + std::to_string(digits) + "})?"; }

// A limit >= 0 as it is written: `whole`.`fraction`.
struct Decimal {
  int64_t whole = 0;
  std::string fraction;
  bool open = false;
};

// The shortest decimal that is read as `value` again.
std::string Written(double value) {
  char text[400];
  return {text, std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr};
}

Decimal ToDecimal(double value, bool open) {
  const std::string text = Written(value);
  const size_t point = text.find('.');
  return {static_cast<int64_t>(value), point == text.npos ? "" : text.substr(point + 1), open};
}

bool AllZeros(const std::string& digits) { return digits.find_first_not_of('0') == digits.npos; }

// What is left of a limit after the digits that agreed with it.
struct Rest {
  std::string digits;
  bool open;
};

// Digits that may follow: whether none may, and what one digit or more are.
struct Digits {
  bool none = false;
  std::vector<std::string> some;
};

std::string Joined(const std::vector<std::string>& alternatives) {
  std::string text;
  for (const std::string& a : alternatives) text += (text.empty() ? "" : " | ") + a;
  return text;
}

char First(const Rest& rest) { return rest.digits.empty() ? '0' : rest.digits[0]; }
Rest Tail(const Rest& rest) { return {rest.digits.empty() ? "" : rest.digits.substr(1), rest.open}; }

Digits Between(std::optional<Rest> low, const std::optional<Rest>& high, int left);

// `digit`, and behind it what `low` and `high` still ask for.
void Then(char digit, const std::optional<Rest>& low, const std::optional<Rest>& high, int left,
          std::vector<std::string>& out) {
  const Digits next = Between(low, high, left - 1);
  const std::string one = "\"" + std::string(1, digit) + "\"";
  if (next.some.empty() && !next.none) return;
  out.push_back(next.some.empty() ? one : one + " (" + Joined(next.some) + ")" + (next.none ? "?" : ""));
}

// Digits d with low <= 0.d <= high; an absent limit holds for all.
Digits Between(std::optional<Rest> low, const std::optional<Rest>& high, int left) {
  if (low && low->digits.empty() && !low->open) low.reset();
  Digits out;
  out.none = (!low || (AllZeros(low->digits) && !low->open)) && (!high || !AllZeros(high->digits) || !high->open);
  if (left == 0) return out;
  if (high && AllZeros(high->digits)) {  // nothing but zeros can follow a limit that is reached
    if (out.none) out.some.push_back("\"0\"{1," + std::to_string(left) + "}");
    return out;
  }
  char first = low ? First(*low) : '0', last = high ? First(*high) : '9';
  if (low && high && first == last) {
    Then(first, Tail(*low), Tail(*high), left, out.some);
    return out;
  }
  if (low) Then(first++, Tail(*low), std::nullopt, left, out.some);
  if (high) Then(last--, std::nullopt, Tail(*high), left, out.some);
  if (first <= last) {
    std::string middle = "[" + std::string(1, first) + "-" + std::string(1, last) + "]";
    if (left > 1) middle += " [0-9]{0," + std::to_string(left - 1) + "}";
    out.some.push_back(middle);
  }
  return out;
}

// What may stand behind the whole number; nullopt: nothing fits, not even the number alone.
std::optional<std::string> Fraction(const std::optional<Rest>& low, const std::optional<Rest>& high, int left) {
  const Digits digits = Between(low, high, left);
  if (digits.some.empty()) return digits.none ? std::optional<std::string>("") : std::nullopt;
  return "(\".\" (" + Joined(digits.some) + "))" + (digits.none ? "?" : "");
}

void Positive(const std::string& before, const Decimal& low, const std::optional<Decimal>& high, int digits,
              std::vector<std::string>& out) {
  const auto add = [&](int64_t first, std::optional<int64_t> last, const std::optional<std::string>& fraction) {
    if (fraction) out.push_back(before + "(" + IntegerRange(first, last) + ") " + *fraction);
  };
  const Rest above{low.fraction, low.open};
  if (high && high->whole == low.whole)
    return add(low.whole, low.whole, Fraction(above, Rest{high->fraction, high->open}, digits));
  add(low.whole, low.whole, Fraction(above, std::nullopt, digits));
  if (!high) return add(low.whole + 1, std::nullopt, AnyFraction(digits));
  if (low.whole + 1 < high->whole) add(low.whole + 1, high->whole - 1, AnyFraction(digits));
  add(high->whole, high->whole, Fraction(std::nullopt, Rest{high->fraction, high->open}, digits));
}

}  // namespace

bool IsNumberLimit(double value) {
  if (!(std::abs(value) <= 9007199254740991)) return false;
  const std::string text = Written(value);
  const size_t point = text.find('.');
  return point == text.npos || text.size() - point - 1 <= static_cast<size_t>(kMaxLimitDigits);
}

std::string NumberRange(const std::optional<NumberLimit>& min, const std::optional<NumberLimit>& max) {
  if (min && max && (min->value > max->value || (min->value == max->value && (min->open || max->open)))) return "";
  const int digits = FractionDigits(min, max);
  std::vector<std::string> out;
  if (!min || min->value < 0) {
    const bool below = max && max->value < 0;
    Positive("\"-\" ", below ? ToDecimal(-max->value, max->open) : Decimal{.open = true},
             min ? std::optional(ToDecimal(-min->value, min->open)) : std::nullopt, digits, out);
  }
  if (!max || max->value >= 0) {
    const bool above = min && min->value >= 0;
    Positive("", above ? ToDecimal(min->value, min->open) : Decimal{},
             max ? std::optional(ToDecimal(max->value, max->open)) : std::nullopt, digits, out);
  }
  return Joined(out);
}

}  // namespace lacuna
