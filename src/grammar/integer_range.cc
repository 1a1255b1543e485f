#include "grammar/integer_range.h"

#include <algorithm>
#include <vector>

namespace lacuna {
namespace {

using Alternatives = std::vector<std::string>;

std::string Digits(size_t n) { return n == 0 ? "" : n == 1 ? " [0-9]" : " [0-9]{" + std::to_string(n) + "}"; }
std::string Class(char first, char last) {
  return first == last ? "\"" + std::string(1, first) + "\"" : "[" + std::string(1, first) + "-" + last + "]";
}

// Numbers of as many digits as both ends, from `low` to `high`, each after `before`.
void SameLength(const std::string& before, const std::string& low, const std::string& high, Alternatives& out) {
  const size_t n = low.size();
  if (n == 0) return out.push_back(before);
  if (low == std::string(n, '0') && high == std::string(n, '9')) return out.push_back(before + Digits(n));
  const auto with = [&](char first, char last) { return before + (before.empty() ? "" : " ") + Class(first, last); };
  const std::string low_rest = low.substr(1), high_rest = high.substr(1), zeros(n - 1, '0'), nines(n - 1, '9');
  if (low[0] == high[0]) return SameLength(with(low[0], low[0]), low_rest, high_rest, out);
  char first = low[0], last = high[0];
  if (low_rest != zeros) SameLength(with(first, first), low_rest, nines, out), ++first;
  if (high_rest != nines) --last;
  if (first <= last) out.push_back(with(first, last) + Digits(n - 1));
  if (high_rest != nines) SameLength(with(high[0], high[0]), zeros, high_rest, out);
}

// From `low` to `high`, both >= 0, each after `before`.
void Positive(const std::string& before, int64_t low, std::optional<int64_t> high, Alternatives& out) {
  std::string a = std::to_string(low);
  const std::string b = high ? std::to_string(*high) : std::string(kMaxDigits, '9');
  while (a.size() < b.size()) {
    SameLength(before, a, std::string(a.size(), '9'), out);
    a = "1" + std::string(a.size(), '0');
    if (!high) {  // all longer ones at once
      out.push_back(before + (before.empty() ? "" : " ") + "[1-9] [0-9]{" + std::to_string(a.size() - 1) + "," +
                    std::to_string(kMaxDigits - 1) + "}");
      return;
    }
  }
  SameLength(before, a, b, out);
}

}  // namespace

std::string IntegerRange(std::optional<int64_t> min, std::optional<int64_t> max) {
  Alternatives out;
  if (!min || *min < 0) {
    const int64_t nearest = std::max<int64_t>(1, max && *max < 0 ? -*max : 1);
    if (!min || -*min >= nearest) Positive("\"-\"", nearest, min ? std::optional(-*min) : std::nullopt, out);
  }
  if (!max || *max >= 0) {
    const int64_t low = std::max<int64_t>(0, min.value_or(0));
    if (!max || low <= *max) Positive("", low, max, out);
  }
  std::string text;
  for (const std::string& a : out) text += (text.empty() ? "" : " | ") + a;
  return text;
}

}  // namespace lacuna
