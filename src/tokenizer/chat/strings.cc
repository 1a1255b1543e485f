#include "tokenizer/chat/strings.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

utf8proc_category_t Category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

bool Has(const Text* chars, char32_t c) {
  if (chars == nullptr) return IsSpace(c);
  for (size_t pos = 0; pos < chars->size();) {
    if (unicode::Next(chars->view(), pos) == c) return true;
  }
  return false;
}

bool IsLineEnd(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

// As str.upper: the few characters whose upper case is longer are those of SpecialCasing.txt that texts have.
void AppendUpper(char32_t c, std::string& out) {
  switch (c) {
    case 0xDF:
      out += "SS";
      return;
    case 0xFB00:
      out += "FF";
      return;
    case 0xFB01:
      out += "FI";
      return;
    case 0xFB02:
      out += "FL";
      return;
    case 0x149:
      out += "\xCA\xBCN";
      return;
    default:
      unicode::Append(static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))), out);
  }
}

void AppendTitle(char32_t c, std::string& out) {
  if (c == 0xDF) {
    out += "Ss";
  } else {
    unicode::Append(static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))), out);
  }
}

}  // namespace

bool IsUpperCase(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_LU; }
bool IsLowerCase(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_LL || c == 0xAA || c == 0xBA; }
bool IsLetter(char32_t c) { return Category(c) >= UTF8PROC_CATEGORY_LU && Category(c) <= UTF8PROC_CATEGORY_LO; }
bool IsDecimalDigit(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_ND; }

size_t Find(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size()) return text.npos;
  if (part.empty()) return from;
  const void* at = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return at == nullptr ? text.npos : static_cast<size_t>(static_cast<const char*>(at) - text.data());
}

size_t FindLast(std::string_view text, std::string_view part) {
  // Mirrored, because memmem is linear and rfind is not.
  const std::string mirrored(text.rbegin(), text.rend()), mirrored_part(part.rbegin(), part.rend());
  const size_t at = Find(mirrored, mirrored_part);
  return at == text.npos ? at : text.size() - at - part.size();
}

Text Strip(const Text& text, const Text* chars, bool left, bool right) {
  size_t begin = 0, end = text.size();
  for (size_t pos = 0; left && pos < end; begin = pos) {
    if (!Has(chars, unicode::Next(text.view(), pos))) break;
  }
  for (size_t pos = end; right && pos > begin; end = pos) {
    if (!Has(chars, unicode::Previous(text.view(), pos))) break;
  }
  return text.Part(begin, end);
}

std::vector<Value> Split(const Text& text, const Text* separator, int64_t count, bool from_right) {
  std::vector<TextSpan> parts;  // in the order they are found
  const std::string_view view = text.view();
  if (separator != nullptr) {
    const std::string_view sep = separator->view();
    if (!from_right) {
      size_t begin = 0;
      for (size_t at; count != 0 && (at = Find(view, sep, begin)) != view.npos; --count) {
        parts.push_back({begin, at});
        begin = at + sep.size();
      }
      parts.push_back({begin, view.size()});
    } else {
      const std::string mirrored(view.rbegin(), view.rend()), mirrored_sep(sep.rbegin(), sep.rend());
      size_t done = 0;  // bytes from the end
      for (size_t at; count != 0 && (at = Find(mirrored, mirrored_sep, done)) != view.npos; --count) {
        parts.push_back({view.size() - at, view.size() - done});
        done = at + sep.size();
      }
      const size_t end = view.size() - done;
      parts.push_back({0, end});
    }
  } else if (!from_right) {
    size_t pos = 0;
    while (true) {
      size_t begin = pos;
      while (pos < view.size() && IsSpace(unicode::Next(view, pos))) begin = pos;
      if (begin == view.size()) break;
      size_t end = pos = begin;
      if (count-- == 0) {
        parts.push_back({begin, view.size()});
        break;
      }
      while (pos < view.size() && !IsSpace(unicode::Next(view, pos))) end = pos;
      parts.push_back({begin, end});
      pos = end;
    }
  } else {
    size_t pos = view.size();
    while (true) {
      size_t end = pos;
      while (pos > 0 && IsSpace(unicode::Previous(view, pos))) end = pos;
      if (end == 0) break;
      size_t begin = pos = end;
      if (count-- == 0) {
        parts.push_back({0, end});
        break;
      }
      while (pos > 0 && !IsSpace(unicode::Previous(view, pos))) begin = pos;
      parts.push_back({begin, end});
      pos = begin;
    }
  }
  if (from_right) std::reverse(parts.begin(), parts.end());
  std::vector<Value> out;
  for (const TextSpan& part : parts) out.emplace_back(text.Part(part.begin, part.end));
  return out;
}

std::vector<Value> SplitLines(const Text& text, bool keep_ends) {
  std::vector<Value> lines;
  size_t begin = 0;
  for (size_t pos = 0; pos < text.size();) {
    const size_t end = pos;
    const char32_t c = unicode::Next(text.view(), pos);
    if (!IsLineEnd(c)) continue;
    if (c == '\r' && pos < text.size() && text.view()[pos] == '\n') ++pos;
    lines.emplace_back(text.Part(begin, keep_ends ? pos : end));
    begin = pos;
  }
  if (begin < text.size()) lines.emplace_back(text.Part(begin, text.size()));
  return lines;
}

Text Replace(const Text& text, const Text& from, const Text& to, int64_t count, int64_t max_bytes) {
  Text out;
  size_t done = 0;
  if (from.empty()) {
    while (count != 0 && static_cast<int64_t>(out.size()) <= max_bytes) {
      out.Append(to);
      --count;
      if (done == text.size()) return out;
      const size_t next = done + unicode::CharLength(text.view()[done]);
      out.Append(text, done, next);
      done = next;
    }
    out.Append(text, done, text.size());
    return out;
  }
  for (size_t at; count != 0 && (at = Find(text.view(), from.view(), done)) != std::string_view::npos; --count) {
    out.Append(text, done, at);
    out.Append(to);
    done = at + from.size();
    if (static_cast<int64_t>(out.size()) > max_bytes) return out;
  }
  out.Append(text, done, text.size());
  return out;
}

Text ChangeCase(const Text& text, Case how) {
  Text out;
  bool inside = false;  // a word, for title; the text, for capitalize
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const char32_t c = unicode::Next(text.view(), pos);
    std::string changed;
    if (how == Case::kUpper || (how == Case::kSwap && IsLowerCase(c))) {
      AppendUpper(c, changed);
    } else if ((how == Case::kTitle || how == Case::kCapitalize) && !inside) {
      AppendTitle(c, changed);
    } else {
      unicode::AppendLower(c, changed);
    }
    inside = how == Case::kCapitalize || IsUpperCase(c) || IsLowerCase(c) || Category(c) == UTF8PROC_CATEGORY_LT;
    out.Append(changed, text.InputAt(begin));
  }
  return out;
}

Text Pad(const Text& text, int64_t width, Align align, std::string_view fill) {
  const int64_t missing = width - CharCount(text.view());
  if (missing <= 0) return text;
  // As CPython: the odd one goes left when the width is odd.
  const int64_t left = align == Align::kLeft    ? 0
                       : align == Align::kRight ? missing
                                                : missing / 2 + (missing & width & 1);
  Text out;
  for (int64_t i = 0; i < left; ++i) out.Append(fill, false);
  out.Append(text);
  for (int64_t i = left; i < missing; ++i) out.Append(fill, false);
  return out;
}

}  // namespace lacuna::jinja
