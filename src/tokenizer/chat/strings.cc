#include "tokenizer/chat/strings.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "tokenizer/chat/special_casing.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

utf8proc_category_t Category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

// Unicode's Other_Uppercase and Other_Lowercase.
struct CharRange {
  char32_t first, last;
};
constexpr CharRange kOtherUppercase[] = {
    {0x2160, 0x216F}, {0x24B6, 0x24CF}, {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
constexpr CharRange kOtherLowercase[] = {
    {0xAA, 0xAA},     {0xBA, 0xBA},     {0x2B0, 0x2B8},     {0x2C0, 0x2C1},     {0x2E0, 0x2E4},     {0x345, 0x345},
    {0x37A, 0x37A},   {0x1D2C, 0x1D6A}, {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},   {0x207F, 0x207F},
    {0x2090, 0x209C}, {0x2170, 0x217F}, {0x24D0, 0x24E9},   {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},
    {0xA7F8, 0xA7F9}, {0xAB5C, 0xAB5F}, {0x10780, 0x10780}, {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}};

template <size_t N>
bool InRanges(const CharRange (&ranges)[N], char32_t c) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const CharRange& range) { return c >= range.first && c <= range.last; });
}

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

const SpecialCase* FindSpecial(char32_t c) {
  const auto* at = std::lower_bound(std::begin(kSpecialCases), std::end(kSpecialCases), c,
                                    [](const SpecialCase& special, char32_t wanted) { return special.c < wanted; });
  return at != std::end(kSpecialCases) && at->c == c ? at : nullptr;
}

void AppendUpper(char32_t c, std::string& out) {
  if (const SpecialCase* special = FindSpecial(c)) {
    out += special->upper;
  } else {
    unicode::Append(static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))), out);
  }
}

void AppendTitle(char32_t c, std::string& out) {
  if (const SpecialCase* special = FindSpecial(c)) {
    out += special->title;
  } else {
    unicode::Append(static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))), out);
  }
}

void AppendFolded(char32_t c, std::string& out) {
  utf8proc_int32_t folded[8];
  int boundary = 0;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 8, UTF8PROC_CASEFOLD, &boundary);
  for (utf8proc_ssize_t i = 0; i < count && i < 8; ++i) unicode::Append(static_cast<char32_t>(folded[i]), out);
}

bool IsCased(char32_t c) { return IsUpperCase(c) || IsLowerCase(c) || Category(c) == UTF8PROC_CATEGORY_LT; }

// Unicode's Case_Ignorable.
bool IsCaseIgnorable(char32_t c) {
  constexpr std::u32string_view kInsideWords =
      U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
  const utf8proc_category_t category = Category(c);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME || category == UTF8PROC_CATEGORY_CF ||
         category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_SK ||
         kInsideWords.find(c) != std::u32string_view::npos;
}

// Whether the sigma of bytes begin..end ends a word: Final_Sigma of SpecialCasing.txt.
bool IsFinalSigma(std::string_view text, size_t begin, size_t end) {
  char32_t c = 0;
  do {
    if (begin == 0) return false;
    c = unicode::Previous(text, begin);
  } while (IsCaseIgnorable(c));
  if (!IsCased(c)) return false;
  do {
    if (end == text.size()) return true;
    c = unicode::Next(text, end);
  } while (IsCaseIgnorable(c));
  return !IsCased(c);
}

}  // namespace

bool IsUpperCase(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_LU || InRanges(kOtherUppercase, c); }
bool IsLowerCase(char32_t c) { return Category(c) == UTF8PROC_CATEGORY_LL || InRanges(kOtherLowercase, c); }
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
    if (how == Case::kSwap && Category(c) == UTF8PROC_CATEGORY_LT) {
      unicode::Append(c, changed);
    } else if (how == Case::kUpper || (how == Case::kSwap && IsLowerCase(c))) {
      AppendUpper(c, changed);
    } else if ((how == Case::kTitle || how == Case::kCapitalize) && !inside) {
      AppendTitle(c, changed);
    } else if (how == Case::kFold) {
      AppendFolded(c, changed);
    } else if (c == 0x3A3 && IsFinalSigma(text.view(), begin, pos)) {
      changed = "\u03C2";
    } else {
      unicode::AppendLower(c, changed);
    }
    inside = how == Case::kCapitalize || IsCased(c);
    out.Append(changed, text.InputAt(begin));
  }
  return out;
}

Text Escape(const Text& text) {
  if (text.markup()) return text;
  Text out;
  size_t plain = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text.view()[at];
    const char* escaped = c == '&'    ? "&amp;"
                          : c == '<'  ? "&lt;"
                          : c == '>'  ? "&gt;"
                          : c == '\'' ? "&#39;"
                          : c == '"'  ? "&#34;"
                                      : nullptr;
    if (escaped == nullptr) continue;
    out.Append(text, plain, at);
    out.Append(escaped, text.InputAt(at));
    plain = at + 1;
  }
  out.Append(text, plain, text.size());
  return out.set_markup(true);
}

Text Pad(const Text& text, int64_t width, Align align, const Text& fill) {
  const int64_t missing = width - CharCount(text.view());
  if (missing <= 0) return text;
  // As CPython: the odd one goes left when the width is odd.
  const int64_t left = align == Align::kLeft    ? 0
                       : align == Align::kRight ? missing
                                                : missing / 2 + (missing & width & 1);
  Text out;
  for (int64_t i = 0; i < left; ++i) out.Append(fill);
  out.Append(text);
  for (int64_t i = left; i < missing; ++i) out.Append(fill);
  return out;
}

}  // namespace lacuna::jinja
