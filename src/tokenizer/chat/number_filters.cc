// Filters of numbers, and Python's int() and float() of a text.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "tokenizer/chat/filters.h"
#include "tokenizer/chat/strings.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

using Bound = std::vector<const Value*>;

// The text without white space around it and without the underscores that may stand between two digits; decimal digits
// of all scripts as 0 to 9. Nothing where an underscore stands elsewhere.
std::optional<std::string> PlainDigits(const Text& text, bool hexadecimal) {
  const Text stripped = Strip(text, nullptr, true, true);
  const auto is_digit = [&](char32_t c) {
    return (c >= '0' && c <= '9') || (hexadecimal && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')));
  };
  std::string out;
  char32_t before = 0;
  for (size_t pos = 0; pos < stripped.size();) {
    char32_t c = unicode::Next(stripped.view(), pos);
    if (c >= 0x80 && IsDecimalDigit(c)) {
      char32_t zero = c;  // scripts have their digits in runs of ten
      while (IsDecimalDigit(zero - 1)) --zero;
      c = '0' + (c - zero) % 10;
    }
    if (c == '_') {
      size_t next = pos;
      if (!is_digit(before) || pos == stripped.size() || !is_digit(unicode::Next(stripped.view(), next))) return {};
    } else {
      unicode::Append(c, out);
    }
    before = c;
  }
  return out;
}

enum class Parsed { kYes, kNo, kTooLarge };

// int(text, base), base from 2 to 36, or 0 for the one that a prefix names.
Parsed ParseInt(const Text& text, int64_t base, int64_t& value) {
  const std::optional<std::string> plain = PlainDigits(text, base != 10);
  if (!plain) return Parsed::kNo;
  std::string digits = *plain;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.erase(0, 1);
  const char prefix = digits.size() > 1 && digits[0] == '0' ? static_cast<char>(digits[1] | 0x20) : 0;
  const int64_t named = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
  if (named != 0 && (base == named || base == 0)) {
    digits.erase(0, 2);
    base = named;
  } else if (base == 0) {
    base = 10;
    if (digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != digits.npos) return Parsed::kNo;
  }
  if (digits.starts_with('-')) return Parsed::kNo;
  if (negative) digits.insert(0, 1, '-');
  const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), value, static_cast<int>(base));
  if (r.ptr != digits.data() + digits.size() || r.ec == std::errc::invalid_argument) return Parsed::kNo;
  return r.ec == std::errc() ? Parsed::kYes : Parsed::kTooLarge;
}

// float(text).
std::optional<double> ParseFloat(const Text& text) {
  const std::optional<std::string> plain = PlainDigits(text, false);
  if (!plain || plain->empty()) return {};
  std::string digits = *plain;
  if (digits.starts_with('+') && !digits.starts_with("+-")) digits.erase(0, 1);
  if (digits.find('(') != digits.npos) return {};  // from_chars reads nan(..)
  double value = 0;
  const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (r.ptr != digits.data() + digits.size() || r.ec == std::errc::invalid_argument) return {};
  if (r.ec == std::errc()) return value;
  // Out of range: infinite when the first digit that is not zero stands before the point.
  const bool negative = digits[0] == '-';
  const size_t e = std::min(digits.find_first_of("eE"), digits.size()), point = std::min(digits.find('.'), e);
  int64_t exponent = 0;
  if (e < digits.size()) {
    const char* from = digits.data() + e + (digits[e + 1] == '+' ? 2 : 1);
    if (std::from_chars(from, digits.data() + digits.size(), exponent).ec != std::errc())
      exponent = *from == '-' ? std::numeric_limits<int64_t>::min() / 2 : std::numeric_limits<int64_t>::max() / 2;
  }
  const size_t first = digits.find_first_of("123456789");
  exponent += static_cast<int64_t>(point) - static_cast<int64_t>(first);
  value = exponent > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return negative ? -value : value;
}

Value IntOf(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("int", args, {"default", "base"});
  if (v.is_undefined()) return in.Fail(v.why_undefined());
  const Value absent = b[0] == nullptr ? Value(int64_t{0}) : *b[0];
  const int64_t base = in.IntOr(b[1], 10, "int's base");
  if (in.ok() && base != 0 && (base < 2 || base > 36)) return in.Fail("int: the base should be 0 or from 2 to 36");
  if (!in.ok()) return Value();
  if (v.is_integral()) return Value(v.integer());
  double number = 0;
  if (v.is_string()) {
    int64_t whole = 0;
    const Parsed parsed = ParseInt(v.text(), base, whole);
    if (parsed == Parsed::kYes) return Value(whole);
    if (parsed == Parsed::kTooLarge) return in.Fail("int: the number is too large, 64 bits are supported");
    const std::optional<double> read = ParseFloat(v.text());
    if (!read) return absent;
    number = *read;
  } else if (v.is_float()) {
    number = v.number();
    if (std::isinf(number)) return in.Fail("int: infinity is no whole number");
  } else {
    return absent;
  }
  if (!std::isfinite(number)) return absent;
  if (std::abs(number) >= 9.2e18) return in.Fail("int: the number is too large, 64 bits are supported");
  return Value(static_cast<int64_t>(number));
}

Value FloatOf(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("float", args, {"default"});
  if (v.is_undefined()) return in.Fail(v.why_undefined());
  if (v.is_number()) return Value(v.number());
  if (v.is_string()) {
    if (const std::optional<double> number = ParseFloat(v.text())) return Value(*number);
  }
  return b[0] == nullptr ? Value(0.0) : *b[0];
}

Value Round(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("round", args, {"precision", "method"});
  const int64_t digits = in.IntOr(b[0], 0, "round's precision");
  const std::string method = b[1] == nullptr ? "common" : in.StrOf(*b[1]);
  if (!in.ok()) return Value();
  if (!v.is_number()) return in.Fail("round needs a number, not " + TypeName(v));
  if (digits < -300 || digits > 300) return in.Fail("round: the precision should be from -300 to 300");
  if (method == "common" && v.is_integral() && digits >= 0) return v.is_bool() ? Value(v.integer()) : v;
  if (method == "common" && digits >= 0) {
    // To the nearest decimal of the exact value, ties to even, as Python's round.
    char text[700];
    const char* end =
        std::to_chars(text, text + sizeof(text), v.number(), std::chars_format::fixed, static_cast<int>(digits)).ptr;
    double rounded = 0;
    std::from_chars(text, end, rounded);
    return Value(rounded);
  }
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = v.number() * scale;
  const double whole = method == "ceil"    ? std::ceil(scaled)
                       : method == "floor" ? std::floor(scaled)
                                           : std::nearbyint(scaled);
  if (method != "ceil" && method != "floor" && method != "common")
    return in.Fail("round: the method should be common, ceil or floor");
  if (method == "common" && v.is_integral()) return Value(static_cast<int64_t>(whole / scale));
  return Value(whole / scale);
}

Value Abs(Interpreter& in, const Value& v, Args& args) {
  in.Bind("abs", args, {});
  if (!v.is_number()) return in.Fail("abs needs a number, not " + TypeName(v));
  if (v.is_float()) return Value(std::abs(v.number()));
  return v.integer() < 0 ? in.Binary("-", Value(int64_t{0}), v) : Value(v.integer());
}

constexpr NamedFilter kFilters[] = {{"abs", Abs}, {"float", FloatOf}, {"int", IntOf}, {"round", Round}};

}  // namespace

std::span<const NamedFilter> NumberFilters() { return kFilters; }

}  // namespace lacuna::jinja
