#include "grammar/gbnf.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/hex.h"
#include "base/status_macros.h"
#include "grammar/grammar_builder.h"
#include "io/json.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

constexpr size_t kMaxBytes = size_t{16} << 20;
constexpr int kMaxDepth = 200;  // groups inside each other

bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

class Parser {
 public:
  Parser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Result<ByteGrammar> Parse() {
    if (text_.size() > kMaxBytes) return InvalidInput(name_ + ": the grammar has more than 16 MiB");
    if (text_.find('\0') != text_.npos) return Error(text_.find('\0'), "a zero byte has no place in a grammar");
    if (!IsValidUtf8(text_)) return InvalidInput(name_ + ": the grammar is no valid UTF-8");
    Space(true);
    while (at_ < text_.size()) LACUNA_RETURN_IF_ERROR(ParseRule());
    for (const auto& [rule, where] : used_) {
      if (!builder_.defined(rule)) return Error(where, "there is no rule '" + builder_.name(rule) + "'");
    }
    if (defined_at_.find("root") == defined_at_.end()) {
      return Error(text_.size(), "there is no rule 'root', from which the text starts");
    }
    if (const auto cycle = builder_.LeftRecursion(); !cycle.empty()) return LeftRecursive(cycle);
    return builder_.Build(builder_.Rule("root"));
  }

 private:
  using Sequence = GrammarBuilder::Sequence;

  Status Error(size_t at, const std::string& message) const {
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < text_.size(); ++i) {
      if (text_[i] == '\n') {
        ++line;
        column = 1;
      } else if ((text_[i] & 0xC0) != 0x80) {
        ++column;
      }
    }
    return InvalidInput(name_ + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + message);
  }

  Status LeftRecursive(const std::vector<int32_t>& cycle) const {
    std::string path;
    size_t where = text_.size();
    for (const int32_t rule : cycle) {
      const std::string& name = builder_.name(rule);
      if (name.empty()) continue;
      if (path.empty()) where = defined_at_.at(name);
      path += (path.empty() ? "" : " -> ") + name;
    }
    // A cycle of groups alone has no name: it repeats what may be empty and comes back to itself.
    return Error(where,
                 "left recursion (" + (path.empty() ? "of a group" : path) +
                     "): expected something before a rule comes back to itself, as in  list ::= item (\",\" item)*");
  }

  bool More() const { return at_ < text_.size(); }
  char Peek() const { return More() ? text_[at_] : '\0'; }
  std::string Seen() const {
    if (!More()) return "the end";
    size_t n = 1;
    while (at_ + n < text_.size() && (text_[at_ + n] & 0xC0) == 0x80) ++n;
    if (text_[at_] == '\n') return "the end of the line";
    return "'" + std::string(text_.substr(at_, n)) + "'";
  }

  // Blanks and comments; newlines too if they do not end the rule here.
  void Space(bool newlines) {
    while (More()) {
      const char c = Peek();
      if (c == '#') {
        while (More() && Peek() != '\n') ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r' || (newlines && c == '\n')) {
        ++at_;
      } else {
        return;
      }
    }
  }

  Result<std::string> Name() {
    const size_t begin = at_;
    while (IsNameChar(Peek())) ++at_;
    if (at_ == begin) return Error(at_, "expected the name of a rule (letters, digits, - and _), not " + Seen());
    return std::string(text_.substr(begin, at_ - begin));
  }

  Status ParseRule() {
    const size_t begin = at_;
    LACUNA_ASSIGN_OR_RETURN(const std::string name, Name());
    Space(false);
    if (!text_.substr(at_).starts_with("::=")) return Error(at_, "expected ::= after the rule's name, not " + Seen());
    at_ += 3;
    if (const auto [first, added] = defined_at_.try_emplace(name, begin); !added) {
      return Error(begin, "the rule '" + name + "' is defined twice");
    }
    Space(true);
    const int32_t rule = builder_.Rule(name);
    LACUNA_RETURN_IF_ERROR(Alternatives(rule, 0));
    if (More() && Peek() != '\n') return Error(at_, "expected the end of the rule, not " + Seen());
    Space(true);
    return {};
  }

  Status Alternatives(int32_t rule, int depth) {
    if (depth > kMaxDepth) return Error(at_, "more than " + std::to_string(kMaxDepth) + " groups inside each other");
    std::vector<Sequence> alternatives;
    while (true) {
      Sequence& sequence = alternatives.emplace_back();
      LACUNA_RETURN_IF_ERROR(ParseSequence(&sequence, depth));
      if (Peek() != '|') break;
      ++at_;
      Space(true);
    }
    builder_.Define(rule, std::move(alternatives));
    return CheckSize();
  }

  Status CheckSize() const {
    if (!builder_.too_large()) return {};
    return Error(at_, "the grammar is too large: more than " + std::to_string(GrammarBuilder::kMaxSymbols) +
                          " symbols with its repetitions written out");
  }

  Status ParseSequence(Sequence* out, int depth) {
    while (true) {
      Sequence item;
      const size_t begin = at_;
      const char c = Peek();
      if (c == '"') {
        LACUNA_RETURN_IF_ERROR(ParseLiteral(&item));
      } else if (c == '[') {
        LACUNA_RETURN_IF_ERROR(ParseClass(&item));
      } else if (c == '.') {
        ++at_;
        item.push_back(builder_.Class(Complement({})));
      } else if (c == '(') {
        ++at_;
        Space(true);
        const int32_t group = builder_.Anonymous();
        LACUNA_RETURN_IF_ERROR(Alternatives(group, depth + 1));
        if (Peek() != ')') return Error(at_, "expected ) for the group that begins here: " + Place(begin));
        ++at_;
        item.push_back(group);
      } else if (IsNameChar(c)) {
        LACUNA_ASSIGN_OR_RETURN(const std::string name, Name());
        const int32_t rule = builder_.Rule(name);
        used_.try_emplace(rule, begin);
        item.push_back(rule);
      } else if (c == '*' || c == '+' || c == '?' || c == '{') {
        return Error(at_, "there is nothing before " + Seen() + " that it could repeat");
      } else if (c == '<' || c == '!') {
        return Error(at_, "tokens by name or number (<...>) are not supported: write their text");
      } else {
        return {};
      }
      Space(depth > 0);
      LACUNA_RETURN_IF_ERROR(Repetitions(&item, depth));
      out->insert(out->end(), item.begin(), item.end());
    }
  }

  std::string Place(size_t at) const {
    const std::string text = Error(at, "").message();
    return text.substr(name_.size() + 1, text.size() - name_.size() - 3);
  }

  Status Repetitions(Sequence* item, int depth) {
    while (true) {
      int min = 0, max = GrammarBuilder::kUnlimited;
      const char c = Peek();
      if (c == '{') {
        LACUNA_RETURN_IF_ERROR(Bounds(&min, &max));
      } else if (c == '*' || c == '+' || c == '?') {
        ++at_;
        min = c == '+' ? 1 : 0;
        if (c == '?') max = 1;
      } else {
        return {};
      }
      Sequence repeated;
      builder_.Repeat(*item, min, max, repeated);
      LACUNA_RETURN_IF_ERROR(CheckSize());
      *item = std::move(repeated);
      Space(depth > 0);
    }
  }

  Result<int> Count() {
    const size_t begin = at_;
    int n = 0;
    while (Peek() >= '0' && Peek() <= '9') {
      n = n * 10 + (text_[at_++] - '0');
      if (n > GrammarBuilder::kMaxRepetition) {
        return Error(begin, "repeated more than " + std::to_string(GrammarBuilder::kMaxRepetition) + " times");
      }
    }
    if (at_ == begin) return Error(at_, "expected a number in {m}, {m,} or {m,n}, not " + Seen());
    return n;
  }

  Status Bounds(int* min, int* max) {
    const size_t begin = at_++;
    Space(false);
    LACUNA_ASSIGN_OR_RETURN(*min, Count());
    *max = *min;
    Space(false);
    if (Peek() == ',') {
      ++at_;
      Space(false);
      *max = GrammarBuilder::kUnlimited;
      if (Peek() != '}') {
        LACUNA_ASSIGN_OR_RETURN(*max, Count());
        Space(false);
      }
    }
    if (Peek() != '}') return Error(at_, "expected } after {m}, {m,} or {m,n}, not " + Seen());
    ++at_;
    if (*max != GrammarBuilder::kUnlimited && *max < *min) {
      return Error(begin, "expected {m,n} with m not above n");
    }
    return {};
  }

  // One character of a literal or class, escapes read.
  Result<uint32_t> Char(const char* inside) {
    if (!More() || Peek() == '\n') {
      return Error(at_, std::string("the ") + inside + " is not closed on its line");
    }
    if (Peek() != '\\') return static_cast<uint32_t>(unicode::Next(text_, at_));
    const size_t begin = at_++;
    const char c = Peek();
    if (c == 'x' || c == 'u' || c == 'U') return Hex(begin, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    static constexpr std::string_view kFrom = "nrt\\\"[]-^", kTo = "\n\r\t\\\"[]-^";
    const size_t known = More() ? kFrom.find(c) : kFrom.npos;
    if (known == kFrom.npos) {
      return Error(begin, "expected one of \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\xHH \\uHHHH \\UHHHHHHHH");
    }
    ++at_;
    return static_cast<uint32_t>(kTo[known]);
  }

  Result<uint32_t> Hex(size_t begin, int digits) {
    ++at_;
    uint64_t value = 0;
    for (int i = 0; i < digits; ++i, ++at_) {
      const int digit = HexDigit(Peek());
      if (digit < 0) return Error(begin, "expected " + std::to_string(digits) + " hexadecimal digits after the escape");
      value = value * 16 + static_cast<uint64_t>(digit);
    }
    if (value > kLastCodePoint || (value >= 0xD800 && value <= 0xDFFF)) {
      return Error(begin, "the escape is no Unicode character, expected at most 10FFFF and no surrogate");
    }
    return static_cast<uint32_t>(value);
  }

  Status ParseLiteral(Sequence* out) {
    ++at_;
    while (Peek() != '"') {
      LACUNA_ASSIGN_OR_RETURN(const uint32_t c, Char("text in quotes"));
      const std::vector<ByteSequence> one = Utf8Sequences({{c, c}});
      std::string bytes;
      for (const ByteRange& range : one[0]) bytes += static_cast<char>(range.first);
      builder_.Literal(bytes, *out);
    }
    ++at_;
    return {};
  }

  Status ParseClass(Sequence* out) {
    const size_t begin = at_++;
    const bool negated = Peek() == '^';
    at_ += negated;
    std::vector<CodePointRange> ranges;
    while (Peek() != ']') {
      const size_t first_at = at_;
      LACUNA_ASSIGN_OR_RETURN(const uint32_t first, Char("class in brackets"));
      uint32_t last = first;
      if (Peek() == '-' && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        LACUNA_ASSIGN_OR_RETURN(last, Char("class in brackets"));
        if (last < first) return Error(first_at, "the range of characters runs backwards");
      }
      ranges.emplace_back(first, last);
    }
    ++at_;
    ranges = Normalized(std::move(ranges));
    if (negated) ranges = Complement(ranges);
    if (ranges.empty()) return Error(begin, "the class in brackets has no character");
    out->push_back(builder_.Class(ranges));
    return {};
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  GrammarBuilder builder_;
  std::map<std::string, size_t, std::less<>> defined_at_;
  std::map<int32_t, size_t> used_;
};

}  // namespace

Result<ByteGrammar> ParseGbnf(std::string_view text, const std::string& name) { return Parser(text, name).Parse(); }

}  // namespace lacuna
