// Oniguruma's syntax in PCRE2's. Hugging Face's `tokenizers` compiles patterns with Oniguruma (UTF-8, its own default
// syntax); where PCRE2 reads the same letters otherwise, the expression is rewritten, or refused when there is no
// equivalent:
//   \s \w \d \h \v \p    sets as Oniguruma defines them (regex_properties.cc); the same for [:posix:]
//   X{n,m}+               greedy repetition of the interval there, possessive in PCRE2: (?:X{n,m})+
//   X{n}?                 optional X{n} there, lazy in PCRE2: (?:X{n})?
//   {,n}                  {0,n}
//   (?m)                  the dot matches newlines: (?s)
//   (?i) in mid-group     holds for the rest of the group, alternatives included: (?i:...)
//   [a[bc]]               union of classes; && and negated inner classes are refused
#include <cctype>
#include <string>
#include <string_view>
#include <vector>

#include "base/hex.h"
#include "base/status_macros.h"
#include "tokenizer/regex_syntax.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

// Oniguruma's \w has these six numbers outside of classes, from its table for Latin-1.
constexpr char kWordExtra[] = R"(\xB2\xB3\xB9\xBC-\xBE)";
constexpr int kMaxClassDepth = 8;

bool IsHex(char c) { return HexDigit(c) >= 0; }
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
    switch (c) {
      case 's':
      case 'S':
        pos_ += 2;
        return Emit(WhiteSpaceSet(), c == 'S', in_class);
      case 'd':
      case 'D':
        pos_ += 2;
        return Emit(DigitSet(), c == 'D', in_class);
      case 'w':
      case 'W': {
        pos_ += 2;
        CharacterSet word = WordSet();
        if (!in_class) word.items += kWordExtra;
        return Emit(word, c == 'W', in_class);
      }
      case 'h':
      case 'H':
        pos_ += 2;
        return Emit(HexDigitSet(), c == 'H', in_class);
      case 'v':
        pos_ += 2;
        out_ += "\\x0B";
        return {};
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
        return Property(c == 'P', in_class);
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

  // A set, as a class of its own or as part of one.
  Status Emit(const CharacterSet& set, bool negated, bool in_class) {
    if (!in_class) {
      out_ += (negated ? "[^" : "[") + set.items + "]";
    } else if (negated && set.negated.empty()) {
      return Refuse("a negated set of several parts in a class");
    } else {
      out_ += negated ? set.negated : set.items;
    }
    return {};
  }

  // \p{Name}, \p{^Name}, \P{Name}
  Status Property(bool negated, bool in_class) {
    const size_t close = in_.find('}', pos_);
    if (At(2) != '{' || close == std::string_view::npos) return Refuse("\\p without {...}");
    std::string_view name = in_.substr(pos_ + 3, close - pos_ - 3);
    if (name.starts_with('^')) {
      negated = !negated;
      name.remove_prefix(1);
    }
    if (name.size() > 64) return Refuse("a property with a long name");
    for (const char c : name) {
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != ' ' && c != '_' && c != '-') {
        return Refuse("a property whose name is not letters and digits");
      }
    }
    pos_ = close + 1;
    return Emit(PropertySet(name), negated, in_class);
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
        const size_t close = in_.find(":]", pos_ + 2);
        std::string_view name = in_.substr(pos_ + 2, close - pos_ - 2);
        const bool negated = name.starts_with('^');
        if (negated) name.remove_prefix(1);
        const std::optional<CharacterSet> set = PosixSet(name);
        if (!set) return Refuse("an unknown [:class:]");
        pos_ = close + 2;
        LACUNA_RETURN_IF_ERROR(Emit(*set, negated, true));
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
