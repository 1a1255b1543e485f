// Oniguruma's syntax in PCRE2's. Hugging Face's `tokenizers` compiles patterns with Oniguruma (UTF-8, its own default
// syntax); where PCRE2 reads the same letters otherwise, the expression is rewritten, or refused when there is no
// equivalent:
//   \s \S \w \W \h \H     properties that Oniguruma uses (PCRE2's \s has U+180E, its \w has no marks, its \h is blank)
//   X{n,m}+               greedy repetition of the interval there, possessive in PCRE2: (?:X{n,m})+
//   X{n}?                 optional X{n} there, lazy in PCRE2: (?:X{n})?
//   {,n}                  {0,n}
//   (?m)                  the dot matches newlines: (?s)
//   (?i) in mid-group     holds for the rest of the group, alternatives included: (?i:...)
//   [a[bc]]               union of classes; && and negated inner classes are refused
#include <string>
#include <string_view>
#include <vector>

#include "base/status_macros.h"
#include "tokenizer/regex.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

constexpr char kWordSet[] = R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})";
constexpr char kHexSet[] = "0-9a-fA-F";
constexpr int kMaxClassDepth = 8;

bool IsHex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

class Translator {
 public:
  Translator(std::string_view in, const std::string& where) : in_(in), where_(where) {}

  Result<std::string> Run() {
    groups_.push_back({0, 0});
    while (pos_ < in_.size()) {
      if (Status s = Step(); !s.ok()) return s;
    }
    if (groups_.size() != 1) return Refuse("a group that is not closed");
    CloseFlags();
    return std::move(out_);
  }

 private:
  struct Group {
    size_t start;  // in out_
    int flags;     // (?i: groups opened for flags in mid-group
  };

  Status Refuse(const std::string& what) const {
    return InvalidInput(where_ + ": the regular expression \"" + std::string(in_) + "\" has " + what + " at byte " +
                        std::to_string(pos_) + ", which is not supported");
  }
  char At(size_t offset) const { return pos_ + offset < in_.size() ? in_[pos_ + offset] : '\0'; }
  void CloseFlags() { out_.append(static_cast<size_t>(groups_.back().flags), ')'); }

  // Copies one character as an atom of its own.
  void CopyChar() {
    atom_ = out_.size();
    const size_t n = unicode::CharLength(in_[pos_]);
    out_.append(in_.substr(pos_, n));
    pos_ += n;
  }

  Status Step() {
    switch (in_[pos_]) {
      case '\\':
        atom_ = out_.size();
        return Escape(false);
      case '[':
        atom_ = out_.size();
        return Class(0);
      case '(':
        return OpenGroup();
      case ')':
        if (groups_.size() == 1) return Refuse("a ) without (");
        CloseFlags();
        out_ += ')';
        atom_ = groups_.back().start;
        groups_.pop_back();
        ++pos_;
        return {};
      case '{':
        return Interval();
      case '*':
      case '+':
      case '?':
      case '|':
        out_ += in_[pos_++];
        return {};
      default:
        CopyChar();
        return {};
    }
  }

  // A backslash and what belongs to it, outside of or inside a class.
  Status Escape(bool in_class) {
    const char c = At(1);
    if (pos_ + 1 >= in_.size()) return Refuse("a \\ at its end");
    const auto set = [&](const std::string& positive, const std::string& negative) -> Status {
      pos_ += 2;
      out_ += c >= 'a' ? positive : negative;
      return {};
    };
    const std::string word = kWordSet, hex = kHexSet;
    switch (c) {
      case 's':
      case 'S':
        return set(R"(\p{White_Space})", R"(\P{White_Space})");
      case 'w':
      case 'W':
        if (in_class && c == 'W') return Refuse("\\W in a class");
        return in_class ? set(word, "") : set("[" + word + "]", "[^" + word + "]");
      case 'h':
      case 'H':
        if (in_class && c == 'H') return Refuse("\\H in a class");
        return in_class ? set(hex, "") : set("[" + hex + "]", "[^" + hex + "]");
      case 'u': {
        const std::string_view digits = in_.substr(pos_ + 2, 4);
        if (digits.size() != 4 || !IsHex(digits[0]) || !IsHex(digits[1]) || !IsHex(digits[2]) || !IsHex(digits[3])) {
          return Refuse("\\u without four hexadecimal digits");
        }
        out_ += "\\x{" + std::string(digits) + "}";
        pos_ += 6;
        return {};
      }
      case 'p':
      case 'P':
        return Property();
      case 'Q':  // quotes in PCRE2, letters in Oniguruma
      case 'E':
        out_ += c;
        pos_ += 2;
        return {};
      default: {
        const size_t n = 1 + unicode::CharLength(c);
        out_.append(in_.substr(pos_, n));
        pos_ += n;
        return {};
      }
    }
  }

  // \p{Name} with the long names of general categories, which PCRE2 lacks.
  Status Property() {
    if (At(2) != '{') return Refuse("\\p without {");
    const size_t close = in_.find('}', pos_);
    if (close == std::string_view::npos) return Refuse("\\p{ without }");
    std::string_view name = in_.substr(pos_ + 3, close - pos_ - 3);
    out_.append(in_.substr(pos_, 3));
    if (!name.empty() && name[0] == '^') {
      out_ += '^';
      name.remove_prefix(1);
    }
    static constexpr std::string_view kLong[][2] = {{"Letter", "L"},      {"Mark", "M"},  {"Number", "N"},
                                                    {"Punctuation", "P"}, {"Punct", "P"}, {"Symbol", "S"},
                                                    {"Separator", "Z"},   {"Other", "C"}, {"Alpha", "Alphabetic"}};
    for (const auto& [from, to] : kLong) {
      if (name == from) name = to;
    }
    out_.append(name);
    out_ += '}';
    pos_ = close + 1;
    return {};
  }

  // [...]; an inner, non-negated class is written into the outer one.
  Status Class(int depth) {
    if (depth == kMaxClassDepth) return Refuse("classes nested too deeply");
    ++pos_;
    if (depth == 0) out_ += '[';
    if (At(0) == '^') {
      if (depth > 0) return Refuse("a negated class in a class");
      out_ += '^';
      ++pos_;
    }
    for (bool first = true; pos_ < in_.size(); first = false) {
      const char c = in_[pos_];
      if (c == ']' && !first) {
        ++pos_;
        if (depth == 0) out_ += ']';
        return {};
      }
      if (c == ']') {
        out_ += "\\]";
        ++pos_;
      } else if (c == '\\') {
        LACUNA_RETURN_IF_ERROR(Escape(true));
      } else if (c == '[' && At(1) == ':' && in_.find(":]", pos_ + 2) != std::string_view::npos) {
        const size_t close = in_.find(":]", pos_ + 2) + 2;
        out_.append(in_.substr(pos_, close - pos_));
        pos_ = close;
      } else if (c == '[') {
        LACUNA_RETURN_IF_ERROR(Class(depth + 1));
      } else if (c == '&' && At(1) == '&') {
        return Refuse("an intersection of classes (&&)");
      } else {
        const size_t n = unicode::CharLength(c);
        out_.append(in_.substr(pos_, n));
        pos_ += n;
      }
    }
    return Refuse("a class that is not closed");
  }

  Status OpenGroup() {
    if (At(1) == '*') return Refuse("(*");
    const size_t start = out_.size();
    if (At(1) != '?') {
      groups_.push_back({start, 0});
      out_ += '(';
      ++pos_;
      return {};
    }
    const char kind = At(2);
    if (kind == '#') {  // a comment
      const size_t close = in_.find(')', pos_);
      if (close == std::string_view::npos) return Refuse("a comment that is not closed");
      pos_ = close + 1;
      return {};
    }
    if (kind == 'i' || kind == 'm' || kind == 'x' || kind == '-') return Flags();
    if (kind != ':' && kind != '=' && kind != '!' && kind != '>' && kind != '<') {
      return Refuse(std::string("(?") + kind);
    }
    groups_.push_back({start, 0});
    out_ += "(?";
    out_ += kind;
    pos_ += 3;
    return {};
  }

  // (?imx-imx) or (?imx-imx:...)
  Status Flags() {
    const size_t start = out_.size();
    std::string flags = "(?";
    for (pos_ += 2; pos_ < in_.size(); ++pos_) {
      const char c = in_[pos_];
      if (c == 'i' || c == 'x' || c == '-') {
        flags += c;
      } else if (c == 'm') {
        flags += 's';
      } else {
        break;
      }
    }
    const char end = At(0);
    if (end != ':' && end != ')') return Refuse("an unknown group option");
    ++pos_;
    out_ += flags + ":";
    if (end == ':') {
      groups_.push_back({start, 0});
    } else {
      ++groups_.back().flags;
    }
    return {};
  }

  // {n}, {n,}, {,m}, {n,m}; any other { is a character.
  Status Interval() {
    size_t i = 1;
    while (IsDigit(At(i))) ++i;
    const bool has_low = i > 1;
    const std::string low(in_.substr(pos_ + 1, i - 1));
    std::string high = low;
    bool fixed = true;
    if (At(i) == ',') {
      const size_t from = ++i;
      while (IsDigit(At(i))) ++i;
      high = in_.substr(pos_ + from, i - from);
      fixed = false;
    }
    if (At(i) != '}' || (!has_low && high.empty())) {
      CopyChar();
      return {};
    }
    pos_ += i + 1;
    const char next = At(0);
    const bool wrap = next == '+' || (next == '?' && fixed);
    if (wrap) out_.insert(atom_, "(?:");
    out_ += "{" + (has_low ? low : "0") + (fixed ? "" : "," + high) + "}";
    if (wrap) out_ += ')';
    return {};
  }

  std::string_view in_;
  const std::string& where_;
  size_t pos_ = 0;
  std::string out_;
  size_t atom_ = 0;  // where the last atom starts in out_
  std::vector<Group> groups_;
};

}  // namespace

Result<std::string> OnigurumaToPcre2(std::string_view pattern, const std::string& where) {
  return Translator(pattern, where).Run();
}

}  // namespace lacuna
