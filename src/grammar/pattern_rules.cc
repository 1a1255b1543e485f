#include "grammar/pattern_rules.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <vector>

#include "base/hex.h"
#include "base/status_macros.h"
#include "grammar/code_points.h"
#include "grammar/json_rules.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

using Ranges = std::vector<CodePointRange>;

constexpr size_t kMaxBytes = 4096;
constexpr int kMaxDepth = 50, kMaxRepetition = 10'000;

Ranges Digit() { return {{'0', '9'}}; }
Ranges Word() { return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}; }
Ranges Space() {
  return {{9, 13},          {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}
Ranges LineEnds() { return {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}; }

std::string Escape(const char* format, uint32_t c) {
  char text[16];
  std::snprintf(text, sizeof text, format, c);
  return text;
}

// One character of the set, as a JSON string has it.
std::string CharOf(const Ranges& set) {
  constexpr struct {
    uint32_t code_point;
    const char* json;
  } kEscaped[] = {{'"', "\\\""}, {'\\', "\\\\"}, {8, "\\b"}, {9, "\\t"}, {10, "\\n"}, {12, "\\f"}, {13, "\\r"}};
  Ranges raw = Complement(set);
  for (const CodePointRange& escaped : Ranges{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}, {0x7F, 0x7F}})
    raw.push_back(escaped);
  raw = Complement(Normalized(raw));
  std::string body;
  if (!raw.empty()) {
    body = "[";
    for (const auto& [first, last] : raw) {
      body += Escape("\\U%08X", first);
      if (last > first) body += Escape("-\\U%08X", last);
    }
    body += "]";
  }
  for (const auto& [code_point, json] : kEscaped) {
    const bool in =
        std::any_of(set.begin(), set.end(), [c = code_point](const auto& r) { return r.first <= c && c <= r.second; });
    if (in) body += (body.empty() ? "" : " | ") + GbnfLiteral(json);
  }
  if (body.empty() && !set.empty()) body = GbnfLiteral(Escape("\\u%04X", set[0].first));
  return body;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Result<std::string> Parse() {
    if (text_.size() > kMaxBytes) return InvalidInput("has more than 4096 bytes");
    std::string body;
    do {
      const bool begins = Take('^');
      LACUNA_ASSIGN_OR_RETURN(const std::string terms, Terms(0));
      const bool ends = Take('$');
      if (More() && Peek() != '|') return Unexpected();
      body += std::string(body.empty() ? "" : " | ") + "\"\\\"\"" + (begins ? "" : " char*") + terms +
              (ends ? "" : " char*") + " \"\\\"\"";
    } while (Take('|'));
    return body;
  }

 private:
  bool More() const { return at_ < text_.size(); }
  char Peek(size_t n = 0) const { return at_ + n < text_.size() ? text_[at_ + n] : '\0'; }
  bool Take(char c) {
    if (!More() || Peek() != c) return false;
    ++at_;
    return true;
  }
  bool Take(std::string_view prefix) {
    if (!text_.substr(at_).starts_with(prefix)) return false;
    at_ += prefix.size();
    return true;
  }
  Status Error(const std::string& message) const { return InvalidInput(message + " at byte " + std::to_string(at_)); }
  Status Unexpected() const {
    if (!More()) return Error("ends too early");
    if (Peek() == '^' || Peek() == '$') return Error("has ^ or $ amid the pattern, which is not supported,");
    return Error("has an unexpected '" + std::string(1, Peek()) + "'");
  }

  // One term after another, each with a space before it; up to | or ) or the end.
  Result<std::string> Terms(int depth) {
    std::string body;
    while (More() && Peek() != '|' && Peek() != ')' && Peek() != '$') {
      LACUNA_ASSIGN_OR_RETURN(std::string term, Atom(depth));
      LACUNA_ASSIGN_OR_RETURN(const std::string times, Repetition());
      body += " (" + term + ")" + times;
    }
    return body;
  }

  Result<std::string> Atom(int depth) {
    if (Take('(')) return Group(depth + 1);
    if (Take('.')) return CharOf(Complement(Normalized(LineEnds())));
    if (Peek() == '[') return Class();
    if (Peek() == '\\') {
      LACUNA_ASSIGN_OR_RETURN(const Ranges set, Escaped(false));
      return CharOf(set);
    }
    if (std::string_view("*+?{^").find(Peek()) != std::string_view::npos) return Unexpected();
    const uint32_t c = CodePoint();
    return CharOf({{c, c}});
  }

  Result<std::string> Group(int depth) {
    if (depth > kMaxDepth) return Error("has more than " + std::to_string(kMaxDepth) + " groups inside each other");
    if (Take("?<") && Peek() != '=' && Peek() != '!') {
      while (More() && Peek() != '>') ++at_;
      if (!Take('>')) return Unexpected();
    } else if (text_[at_ - 1] == '<') {
      return Error("has a lookbehind, which is not supported,");
    } else if (Peek() == '?' && !Take("?:")) {
      return Error(Peek(1) == '=' || Peek(1) == '!' ? "has a lookahead, which is not supported,"
                                                    : "has a kind of group that is not known");
    }
    std::string body;
    do {
      LACUNA_ASSIGN_OR_RETURN(const std::string terms, Terms(depth));
      body += (body.empty() ? "" : " | ") + (terms.empty() ? "\"\"" : terms.substr(1));
    } while (Take('|'));
    if (!Take(')')) return Unexpected();
    return body;
  }

  Result<int> Number() {
    int n = 0;
    if (Peek() < '0' || Peek() > '9') return Unexpected();
    while (Peek() >= '0' && Peek() <= '9') {
      n = n * 10 + (text_[at_++] - '0');
      if (n > kMaxRepetition) return Error("repeats more than " + std::to_string(kMaxRepetition) + " times");
    }
    return n;
  }

  Result<std::string> Repetition() {
    std::string times;
    if (Take('*')) {
      times = "*";
    } else if (Take('+')) {
      times = "+";
    } else if (Take('?')) {
      times = "?";
    } else if (Take('{')) {
      LACUNA_ASSIGN_OR_RETURN(const int min, Number());
      times = "{" + std::to_string(min);
      if (Take(',')) {
        times += ",";
        if (Peek() != '}') {
          LACUNA_ASSIGN_OR_RETURN(const int max, Number());
          if (max < min) return Error("has {m,n} with m above n");
          times += std::to_string(max);
        }
      }
      if (!Take('}')) return Unexpected();
      times += "}";
    } else {
      return times;
    }
    Take('?');  // lazy or not, the strings are the same
    return times;
  }

  uint32_t CodePoint() { return unicode::Next(text_, at_); }

  Result<uint32_t> Hex(int digits) {
    uint32_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = HexDigit(Peek());
      if (digit < 0) return Error("lacks hexadecimal digits");
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    return value;
  }

  // \uHHHH, two of them for a surrogate pair.
  Result<Ranges> Unicode() {
    LACUNA_ASSIGN_OR_RETURN(uint32_t c, Hex(4));
    if (c >= 0xD800 && c < 0xDC00 && Take("\\u")) {
      LACUNA_ASSIGN_OR_RETURN(const uint32_t low, Hex(4));
      c = low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00) : 0xD800;
    }
    if (c >= 0xD800 && c < 0xE000) return Error("has half of a surrogate pair");
    return Ranges{{c, c}};
  }

  // What begins with a backslash: a set, of one character or more.
  Result<Ranges> Escaped(bool in_class) {
    ++at_;
    if (!More()) return Unexpected();
    const auto one = [](uint32_t c) { return Ranges{{c, c}}; };
    const char c = Peek();
    if (static_cast<uint8_t>(c) >= 0x80) return one(CodePoint());
    ++at_;
    switch (c) {
      case 'd':
        return Digit();
      case 'D':
        return Complement(Digit());
      case 'w':
        return Word();
      case 'W':
        return Complement(Word());
      case 's':
        return Space();
      case 'S':
        return Complement(Space());
      case 't':
        return one('\t');
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'u':
        return Unicode();
      case 'x': {
        LACUNA_ASSIGN_OR_RETURN(const uint32_t hex, Hex(2));
        return one(hex);
      }
      default:
        break;
    }
    if (in_class && c == 'b') return one('\b');
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      at_ -= 2;
      return Error("has \\" + std::string(1, c) + ", which is not supported,");
    }
    return one(static_cast<uint8_t>(c));
  }

  Result<std::string> Class() {
    ++at_;
    const bool negated = Take('^');
    Ranges set;
    while (Peek() != ']') {
      LACUNA_ASSIGN_OR_RETURN(const Ranges first, ClassItem());
      const bool range = Peek() == '-' && Peek(1) != ']';
      if (range) {
        ++at_;
        LACUNA_ASSIGN_OR_RETURN(const Ranges last, ClassItem());
        if (first.size() != 1 || last.size() != 1 || first[0].first != first[0].second ||
            last[0].first != last[0].second || last[0].first < first[0].first)
          return Error("has a range of characters that runs backwards or has no single ends,");
        set.emplace_back(first[0].first, last[0].first);
      } else {
        set.insert(set.end(), first.begin(), first.end());
      }
    }
    ++at_;
    set = Normalized(std::move(set));
    if (negated) set = Complement(set);
    if (set.empty()) return Error("has a class without characters");
    return CharOf(set);
  }

  Result<Ranges> ClassItem() {
    if (!More()) return Error("has a class that is not closed,");
    if (Peek() == '\\') return Escaped(true);
    const uint32_t c = CodePoint();
    return Ranges{{c, c}};
  }

  const std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Result<std::string> PatternToGbnf(std::string_view pattern) { return Parser(pattern).Parse(); }

}  // namespace lacuna
