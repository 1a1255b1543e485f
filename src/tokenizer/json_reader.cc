#include "tokenizer/json_reader.h"

#include <charconv>
#include <cstring>

#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

// The first ", \ or control character at or behind `pos`, in steps of eight bytes.
size_t FindStringEnd(std::string_view text, size_t pos) {
  constexpr uint64_t kOnes = 0x0101010101010101u, kHigh = 0x8080808080808080u;
  const auto has_zero = [](uint64_t v) { return (v - kOnes) & ~v & kHigh; };
  while (text.size() - pos >= 8) {
    uint64_t word;
    std::memcpy(&word, text.data() + pos, 8);
    const uint64_t control = (word - 0x20 * kOnes) & ~word & kHigh;
    if (control | has_zero(word ^ '"' * kOnes) | has_zero(word ^ '\\' * kOnes)) break;
    pos += 8;
  }
  while (pos < text.size() && text[pos] != '"' && text[pos] != '\\' && static_cast<unsigned char>(text[pos]) >= 0x20) {
    ++pos;
  }
  return pos;
}

}  // namespace

bool JsonReader::Fail(const std::string& what) {
  if (!status_.ok()) return false;
  size_t line = 1, start = 0;
  const size_t at = pos_ < text_.size() ? pos_ : text_.size();
  for (size_t i = 0; i < at; ++i) {
    if (text_[i] == '\n') ++line, start = i + 1;
  }
  status_ = InvalidInput(name_ + ": line " + std::to_string(line) + ", column " + std::to_string(at - start + 1) +
                         ": " + what);
  return false;
}

void JsonReader::SkipSpace() {
  while (pos_ < text_.size()) {
    const char c = text_[pos_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++pos_;
  }
}

JsonReader::Kind JsonReader::Peek() {
  if (!ok()) return Kind::kError;
  SkipSpace();
  if (pos_ == text_.size()) {
    Fail("the JSON ends where a value should be");
    return Kind::kError;
  }
  switch (text_[pos_]) {
    case '{':
      return Kind::kObject;
    case '[':
      return Kind::kArray;
    case '"':
      return Kind::kString;
    case 't':
    case 'f':
      return Kind::kBool;
    case 'n':
      return Kind::kNull;
    default:
      if (text_[pos_] == '-' || (text_[pos_] >= '0' && text_[pos_] <= '9')) return Kind::kNumber;
      Fail("a JSON value should be here");
      return Kind::kError;
  }
}

bool JsonReader::Enter(char open, const char* what) {
  if (!ok()) return false;
  SkipSpace();
  if (pos_ == text_.size() || text_[pos_] != open) return Fail(std::string(what) + " should be here");
  if (++depth_ > kMaxDepth) return Fail("the JSON is nested more than " + std::to_string(kMaxDepth) + " deep");
  ++pos_;
  fresh_ = true;
  return true;
}

bool JsonReader::BeginObject() { return Enter('{', "an object"); }
bool JsonReader::BeginArray() { return Enter('[', "an array"); }

bool JsonReader::NextElement() {
  if (!ok()) return false;
  SkipSpace();
  const bool fresh = fresh_;
  fresh_ = false;
  if (pos_ == text_.size()) return Fail("the JSON ends within an array");
  if (text_[pos_] == ']') {
    ++pos_, --depth_;
    return false;
  }
  if (fresh) return true;
  if (text_[pos_] != ',') return Fail("a , or ] should be here");
  ++pos_;
  return true;
}

bool JsonReader::NextKey(std::string_view& key, std::string& scratch) {
  if (!ok()) return false;
  SkipSpace();
  const bool fresh = fresh_;
  fresh_ = false;
  if (pos_ == text_.size()) return Fail("the JSON ends within an object");
  if (text_[pos_] == '}') {
    ++pos_, --depth_;
    return false;
  }
  if (!fresh) {
    if (text_[pos_] != ',') return Fail("a , or } should be here");
    ++pos_;
  }
  if (!ReadString(key, scratch)) return false;
  SkipSpace();
  if (pos_ == text_.size() || text_[pos_] != ':') return Fail("a : should be here");
  ++pos_;
  return true;
}

bool JsonReader::ReadString(std::string_view& value, std::string& scratch) {
  if (!ok()) return false;
  SkipSpace();
  if (pos_ == text_.size() || text_[pos_] != '"') return Fail("a string should be here");
  size_t begin = ++pos_;
  scratch.clear();
  bool escaped = false;
  while (true) {
    pos_ = FindStringEnd(text_, pos_);
    if (pos_ == text_.size()) return Fail("the JSON ends within a string");
    if (text_[pos_] == '"') break;
    if (text_[pos_] != '\\') return Fail("a control character in a string; it should be escaped");
    escaped = true;
    scratch.append(text_, begin, pos_ - begin);
    if (!Escape(scratch)) return false;
    begin = pos_;
  }
  if (escaped) {
    scratch.append(text_, begin, pos_ - begin);
    value = scratch;
  } else {
    value = text_.substr(begin, pos_ - begin);
  }
  ++pos_;
  return true;
}

// A backslash and what belongs to it.
bool JsonReader::Escape(std::string& scratch) {
  static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
  if (pos_ + 1 >= text_.size()) return Fail("the JSON ends within a string");
  const char c = text_[pos_ + 1];
  if (const size_t i = kFrom.find(c); i != std::string_view::npos) {
    scratch += kTo[i];
    pos_ += 2;
    return true;
  }
  if (c != 'u') return Fail("an unknown escape in a string");
  uint32_t code = 0;
  if (!Hex4(code)) return false;
  if (code >= 0xD800 && code < 0xDC00) {
    uint32_t low = 0;
    if (text_.substr(pos_, 2) != "\\u" || !Hex4(low) || low < 0xDC00 || low > 0xDFFF) {
      return Fail("half of a surrogate pair in a string");
    }
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code < 0xE000) {
    return Fail("half of a surrogate pair in a string");
  }
  unicode::Append(code, scratch);
  return true;
}

bool JsonReader::Hex4(uint32_t& value) {
  const std::string_view digits = text_.substr(pos_ + 2 < text_.size() ? pos_ + 2 : text_.size(), 4);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc() || digits.size() != 4 || end != digits.data() + 4) {
    return Fail("\\u needs four hexadecimal digits");
  }
  pos_ += 6;
  return true;
}

bool JsonReader::ScanNumber(std::string_view& digits, bool& integer) {
  if (!ok()) return false;
  SkipSpace();
  const size_t begin = pos_;
  const auto at = [&] { return pos_ < text_.size() ? text_[pos_] : '\0'; };
  const auto run = [&] {
    const size_t from = pos_;
    while (at() >= '0' && at() <= '9') ++pos_;
    return pos_ > from;
  };
  integer = true;
  if (at() == '-') ++pos_;
  if (at() == '0') {
    ++pos_;
  } else if (!run()) {
    return Fail("a number should be here");
  }
  if (at() == '.') {
    integer = false;
    ++pos_;
    if (!run()) return Fail("a digit should be here");
  }
  if (at() == 'e' || at() == 'E') {
    integer = false;
    ++pos_;
    if (at() == '+' || at() == '-') ++pos_;
    if (!run()) return Fail("a digit should be here");
  }
  digits = text_.substr(begin, pos_ - begin);
  return true;
}

bool JsonReader::ReadInt(int64_t& value) {
  std::string_view digits;
  bool integer;
  if (!ScanNumber(digits, integer)) return false;
  if (!integer || std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) {
    return Fail(std::string(digits.substr(0, 40)) + " should be a whole number of at most 63 bits");
  }
  return true;
}

bool JsonReader::ReadDouble(double& value) {
  std::string_view digits;
  bool integer;
  if (!ScanNumber(digits, integer)) return false;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) {
    return Fail(std::string(digits.substr(0, 40)) + " is out of range");
  }
  return true;
}

bool JsonReader::Expect(std::string_view word) {
  if (!ok()) return false;
  SkipSpace();
  if (text_.substr(pos_, word.size()) != word) return Fail(std::string(word) + " should be here");
  pos_ += word.size();
  return true;
}

bool JsonReader::ReadBool(bool& value) {
  const Kind kind = Peek();
  if (kind != Kind::kBool) return Fail("true or false should be here");
  value = text_[pos_] == 't';
  return Expect(value ? "true" : "false");
}

bool JsonReader::ReadNull() { return Expect("null"); }

bool JsonReader::SkipValue(std::string_view& raw) {
  const Kind kind = Peek();
  const size_t begin = pos_;
  std::string_view ignored;
  std::string scratch;
  bool flag;
  switch (kind) {
    case Kind::kObject:
      if (!BeginObject()) return false;
      while (NextKey(ignored, scratch)) SkipValue(raw);
      break;
    case Kind::kArray:
      if (!BeginArray()) return false;
      while (NextElement()) SkipValue(raw);
      break;
    case Kind::kString:
      ReadString(ignored, scratch);
      break;
    case Kind::kNumber:
      ScanNumber(ignored, flag);
      break;
    case Kind::kBool:
      ReadBool(flag);
      break;
    case Kind::kNull:
      ReadNull();
      break;
    case Kind::kError:
      break;
  }
  raw = text_.substr(begin, pos_ - begin);
  return ok();
}

bool JsonReader::AtEnd() {
  SkipSpace();
  return pos_ == text_.size();
}

}  // namespace lacuna
