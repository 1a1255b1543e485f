#include "tokenizer/chat/lexer.h"

#include <algorithm>
#include <cctype>

#include "base/hex.h"
#include "base/status_macros.h"
#include "tokenizer/chat/value.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

bool IsNameStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameChar(char c) { return IsNameStart(c) || IsDigit(c); }

size_t SkipSpace(std::string_view text, size_t pos) {
  while (pos < text.size()) {
    size_t next = pos;
    if (!IsSpace(unicode::Next(text, next))) break;
    pos = next;
  }
  return pos;
}

size_t TrimmedEnd(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t before = end;
    if (!IsSpace(unicode::Previous(text, before))) break;
    end = before;
  }
  return end;
}

class Lexer {
 public:
  Lexer(std::string source, const std::string& name) : source_(std::move(source)), text_(source_), name_(name) {}

  Result<std::vector<Token>> Run() {
    while (pos_ < text_.size()) LACUNA_RETURN_IF_ERROR(Root());
    Add(Token::Type::kEnd, "end of the template");
    return std::move(tokens_);
  }

 private:
  // Text up to the next delimiter, and what the delimiter begins.
  Status Root() {
    size_t at = pos_;
    while ((at = text_.find('{', at)) != text_.npos &&
           (at + 1 == text_.size() || std::string_view("{%#").find(text_[at + 1]) == std::string_view::npos))
      ++at;
    const std::string_view data = text_.substr(pos_, at == text_.npos ? at : at - pos_);
    if (at == text_.npos) {
      Add(Token::Type::kData, std::string(data));
      pos_ = text_.size();
      return {};
    }
    const char what = text_[at + 1];
    size_t inside = at + 2;
    char sign = 0;
    if (inside < text_.size() && (text_[inside] == '-' || text_[inside] == '+')) sign = text_[inside++];
    AddData(data, sign, what != '{');
    Advance(inside);
    if (what == '#') return Comment();
    if (what == '%' && RawBegins()) return Raw();
    Add(what == '%' ? Token::Type::kBlockBegin : Token::Type::kVariableBegin, std::string(text_.substr(at, 2)));
    return Inside(what == '%');
  }

  void AddData(std::string_view data, char sign, bool block) {
    size_t end = data.size();
    if (sign == '-') {
      end = TrimmedEnd(data);
    } else if (sign != '+' && block) {
      const size_t newline = data.rfind('\n');
      const size_t line = newline == data.npos ? 0 : newline + 1;
      if ((line > 0 || line_starts_) && SkipSpace(data, line) == data.size()) end = line;
    }
    if (end > 0) Add(Token::Type::kData, std::string(data.substr(0, end)));
  }

  // Moves on, counting lines, past a delimiter that ends at `to`.
  void Advance(size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    line_starts_ = to > pos_ && text_[to - 1] == '\n';
    pos_ = to;
  }
  // Behind the closing delimiter that begins at `at` ("-" or "+" before it included): what its sign swallows.
  size_t Closing(size_t at, bool block) {
    const char sign = text_[at] == '-' || (block && text_[at] == '+') ? text_[at] : '\0';
    const size_t end = at + (sign != 0 ? 3 : 2);
    if (sign == '-') return SkipSpace(text_, end);
    return block && sign == 0 && end < text_.size() && text_[end] == '\n' ? end + 1 : end;
  }

  Status Comment() {
    const size_t close = text_.find("#}", pos_);
    if (close == text_.npos) return Error("the comment {# has no end #}");
    const bool sign = close > pos_ && (text_[close - 1] == '-' || text_[close - 1] == '+');
    Advance(Closing(close - (sign ? 1 : 0), true));
    return {};
  }

  // Whether `pos` stands at `word` and a block's end, with an optional sign; `end` is then behind it.
  bool Tag(size_t pos, std::string_view word, bool trims, size_t& end) {
    pos = SkipSpace(text_, pos);
    if (text_.substr(pos, word.size()) != word) return false;
    pos = SkipSpace(text_, pos + word.size());
    const bool sign = pos < text_.size() && (text_[pos] == '-' || (trims && text_[pos] == '+'));
    if (text_.substr(pos + (sign ? 1 : 0), 2) != "%}") return false;
    end = trims ? Closing(pos, true) : sign ? SkipSpace(text_, pos + 3) : pos + 2;
    return true;
  }
  bool RawBegins() {
    size_t end = 0;
    return Tag(pos_, "raw", false, end);
  }
  Status Raw() {
    size_t body = 0, end = 0;
    Tag(pos_, "raw", false, body);
    Advance(body);
    for (size_t at = pos_; (at = text_.find("{%", at)) != text_.npos; ++at) {
      const char sign = at + 2 < text_.size() && (text_[at + 2] == '-' || text_[at + 2] == '+') ? text_[at + 2] : '\0';
      if (!Tag(at + (sign != 0 ? 3 : 2), "endraw", true, end)) continue;
      AddData(text_.substr(pos_, at - pos_), sign, true);
      Advance(end);
      return {};
    }
    return Error("{% raw %} has no {% endraw %}");
  }

  Status Inside(bool block) {
    std::string open;  // brackets, so that {{ {"a": {}}}} ends where it should
    const std::string_view close = block ? "%}" : "}}";
    while (true) {
      Advance(SkipSpace(text_, pos_));
      if (pos_ == text_.size()) return Error(block ? "the block {% has no end %}" : "the expression {{ has no end }}");
      const char c = text_[pos_];
      const size_t sign = c == '-' || (block && c == '+') ? 1 : 0;
      if (open.empty() && text_.substr(pos_ + sign, 2) == close) {
        Add(block ? Token::Type::kBlockEnd : Token::Type::kVariableEnd, std::string(close));
        Advance(Closing(pos_, block));
        return {};
      }
      if (IsDigit(c)) {
        LACUNA_RETURN_IF_ERROR(Number());
      } else if (IsNameStart(c)) {
        size_t end = pos_;
        while (end < text_.size() && IsNameChar(text_[end])) ++end;
        Take(Token::Type::kName, end);
      } else if (c == '"' || c == '\'') {
        LACUNA_RETURN_IF_ERROR(String());
      } else {
        LACUNA_RETURN_IF_ERROR(Operator(open));
      }
    }
  }

  Status Operator(std::string& open) {
    static constexpr std::string_view kTwo[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kOne = "+-*/%~[](){}><=.:|,;";
    const char c = text_[pos_];
    for (const std::string_view two : kTwo) {
      if (text_.substr(pos_, 2) == two) return Take(Token::Type::kOperator, pos_ + 2), Status();
    }
    if (kOne.find(c) == kOne.npos) return Error("unexpected character '" + std::string(text_.substr(pos_, 1)) + "'");
    if (c == '(' || c == '[' || c == '{') open += c == '(' ? ')' : c == '[' ? ']' : '}';
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) {
        return Error(std::string("unexpected '") + c + "'" +
                     (open.empty() ? "" : std::string(", expected '") + open.back() + "'"));
      }
      open.pop_back();
    }
    Take(Token::Type::kOperator, pos_ + 1);
    return {};
  }

  // Digits, with single underscores between them.
  size_t Digits(size_t pos) {
    while (pos < text_.size() &&
           (IsDigit(text_[pos]) || (text_[pos] == '_' && pos + 1 < text_.size() && IsDigit(text_[pos + 1]))))
      ++pos;
    return pos;
  }
  Status Number() {
    size_t end = Digits(pos_);
    bool real = false;
    const bool after_dot =
        !tokens_.empty() && tokens_.back().type == Token::Type::kOperator && tokens_.back().text == ".";
    if (!after_dot && end + 1 < text_.size() && text_[end] == '.' && IsDigit(text_[end + 1]))
      real = true, end = Digits(end + 1);
    if (!after_dot && end < text_.size() && (text_[end] == 'e' || text_[end] == 'E')) {
      size_t digits = end + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-')) ++digits;
      if (digits < text_.size() && IsDigit(text_[digits])) real = true, end = Digits(digits);
    }
    if (end < text_.size() && IsNameStart(text_[end]))
      return Error("a number with letters in it: only decimal numbers are supported");
    Take(real ? Token::Type::kFloat : Token::Type::kInteger, end);
    std::string& digits = tokens_.back().text;
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
    return {};
  }

  Status String() {
    const char quote = text_[pos_];
    size_t end = pos_ + 1;
    while (end < text_.size() && text_[end] != quote) end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return Error("the string has no end");
    const std::string_view raw = text_.substr(pos_ + 1, end - pos_ - 1);
    std::string value;
    for (size_t i = 0; i < raw.size();) {
      if (raw[i] == '\\' && i + 1 < raw.size()) {
        LACUNA_RETURN_IF_ERROR(Escape(raw, i, value));
      } else {
        value += raw[i++];
      }
    }
    Add(Token::Type::kString, value);
    Advance(end + 1);
    return {};
  }

  // Python's escapes; an unknown one stays as it is.
  Status Escape(std::string_view raw, size_t& i, std::string& value) {
    static constexpr std::string_view kFrom = "\\'\"abfnrtv", kTo = "\\'\"\a\b\f\n\r\t\v";
    const char c = raw[i + 1];
    if (const size_t known = kFrom.find(c); known != kFrom.npos) return value += kTo[known], i += 2, Status();
    if (c == '\n') return i += 2, Status();
    const size_t count = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    char32_t code = 0;
    if (count > 0) {
      for (size_t d = 0; d < count; ++d) {
        const int digit = i + 2 + d < raw.size() ? HexDigit(raw[i + 2 + d]) : -1;
        if (digit < 0) return Error(std::string("\\") + c + " needs " + std::to_string(count) + " hexadecimal digits");
        code = code * 16 + static_cast<char32_t>(digit);
      }
      i += 2 + count;
    } else if (c >= '0' && c <= '7') {
      size_t d = i + 1;
      for (; d < raw.size() && d < i + 4 && raw[d] >= '0' && raw[d] <= '7'; ++d)
        code = code * 8 + static_cast<char32_t>(raw[d] - '0');
      i = d;
    } else if (c == 'N') {
      return Error("\\N{...} in strings is not supported; write \\u and the number");
    } else {
      return value += '\\', ++i, Status();
    }
    unicode::Append(code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? unicode::kReplacement : code, value);
    return {};
  }

  void Take(Token::Type type, size_t end) {
    Add(type, std::string(text_.substr(pos_, end - pos_)));
    Advance(end);
  }
  void Add(Token::Type type, std::string text) { tokens_.push_back({type, std::move(text), line_}); }
  Status Error(const std::string& what) const { return TemplateError(name_, line_, what); }

  const std::string source_;
  const std::string_view text_;
  const std::string& name_;
  size_t pos_ = 0;
  int line_ = 1;
  bool line_starts_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

Status TemplateError(const std::string& name, int line, const std::string& what) {
  return InvalidInput(name + ": line " + std::to_string(line) + ": " + what);
}

Result<std::vector<Token>> Lex(std::string_view source, const std::string& name) {
  std::string text;
  text.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      text += source[i];
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      text += '\n';
    }
  }
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return Lexer(std::move(text), name).Run();
}

}  // namespace lacuna::jinja
