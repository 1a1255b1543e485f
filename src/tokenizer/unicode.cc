// UTF-8 by hand (every byte of every text passes here), properties and normal forms from utf8proc.
#include "tokenizer/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace lacuna::unicode {
namespace {

constexpr uint64_t kHighBits = 0x8080808080808080u;

// Length of the valid character at the start of `s`, or 0. `bad` is then the length of the maximal invalid part, and
// `cut` says that it is only invalid because the bytes end. Table 3-7 of the Unicode standard.
size_t Check(std::string_view s, size_t& bad, bool& cut) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  bad = 1;
  cut = false;
  if (lead < 0x80) return 1;
  if (lead < 0xC2 || lead > 0xF4) return 0;
  const size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  unsigned low = 0x80, high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  for (size_t i = 1; i < length; ++i) {
    if (i == s.size()) {
      cut = true;
      return 0;
    }
    if (byte(i) < low || byte(i) > high) return 0;
    low = 0x80, high = 0xBF;
    bad = i + 1;
  }
  return length;
}

// The end of the valid characters from `pos` on, the fast way: ASCII in steps of eight bytes, and two-byte characters
// (the rest is left to Check).
size_t SkipCommon(std::string_view s, size_t pos) {
  while (true) {
    uint64_t word;
    while (s.size() - pos >= 8) {
      std::memcpy(&word, s.data() + pos, 8);
      if (word & kHighBits) break;
      pos += 8;
    }
    while (pos < s.size() && static_cast<signed char>(s[pos]) >= 0) ++pos;
    if (s.size() - pos < 2) return pos;
    const auto lead = static_cast<unsigned char>(s[pos]), next = static_cast<unsigned char>(s[pos + 1]);
    if (lead < 0xC2 || lead > 0xDF || (next & 0xC0) != 0x80) return pos;
    pos += 2;
  }
}

utf8proc_category_t Category(char32_t c) { return utf8proc_category(static_cast<utf8proc_int32_t>(c)); }

}  // namespace

char32_t Next(std::string_view text, size_t& pos) {
  const auto byte = [&](size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[pos + i])); };
  const char32_t lead = byte(0);
  char32_t c = lead;
  size_t length = 1;
  if (lead >= 0xF0) {
    c = (lead & 7) << 18 | (byte(1) & 63) << 12 | (byte(2) & 63) << 6 | (byte(3) & 63), length = 4;
  } else if (lead >= 0xE0) {
    c = (lead & 15) << 12 | (byte(1) & 63) << 6 | (byte(2) & 63), length = 3;
  } else if (lead >= 0x80) {
    c = (lead & 31) << 6 | (byte(1) & 63), length = 2;
  }
  pos += length;
  return c;
}

char32_t Previous(std::string_view text, size_t& pos) {
  do {
    --pos;
  } while (pos > 0 && (static_cast<unsigned char>(text[pos]) & 0xC0) == 0x80);
  size_t at = pos;
  return Next(text, at);
}

void Append(char32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | c >> 6));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | c >> 12));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  } else {
    out.push_back(static_cast<char>(0xF0 | c >> 18));
    out.push_back(static_cast<char>(0x80 | (c >> 12 & 63)));
    out.push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
    out.push_back(static_cast<char>(0x80 | (c & 63)));
  }
}

size_t AppendLossy(std::string_view bytes, bool final, std::string& out) {
  size_t pos = 0, copied = 0;  // bytes[copied, pos) are valid and not yet in `out`
  while (pos < bytes.size()) {
    pos = SkipCommon(bytes, pos);
    if (pos == bytes.size()) break;
    size_t bad;
    bool cut;
    if (const size_t length = Check(bytes.substr(pos), bad, cut)) {
      pos += length;
      continue;
    }
    out.append(bytes, copied, pos - copied);
    copied = pos;
    if (cut && !final) return pos;
    Append(kReplacement, out);
    pos += bad;
    copied = pos;
  }
  out.append(bytes, copied, pos - copied);
  return pos;
}

bool IsValidUtf8(std::string_view bytes) {
  size_t pos = 0;
  while (pos < bytes.size()) {
    pos = SkipCommon(bytes, pos);
    if (pos == bytes.size()) break;
    size_t bad;
    bool cut;
    const size_t length = Check(bytes.substr(pos), bad, cut);
    if (length == 0) return false;
    pos += length;
  }
  return true;
}

std::string ToValidUtf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  AppendLossy(bytes, true, out);
  return out;
}

bool IsWhiteSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsNumber(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const auto category = Category(c);
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool IsPunctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
  }
  const auto category = Category(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

bool IsMark(char32_t c) {
  if (c < 0x300) return false;
  const auto category = Category(c);
  return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

void AppendLower(char32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
  } else if (c == 0x130) {  // the only character whose lower case is two: i with a combining dot
    out += "i\xCC\x87";
  } else {
    Append(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))), out);
  }
}

std::string Normalize(std::string_view text, Form form) {
  if (std::all_of(text.begin(), text.end(), [](char c) { return static_cast<signed char>(c) >= 0; })) {
    return std::string(text);
  }
  const bool compose = form == Form::kNfc || form == Form::kNfkc;
  int options = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
  if (form == Form::kNfkc || form == Form::kNfkd) options |= UTF8PROC_COMPAT;
  std::vector<utf8proc_int32_t> chars;
  chars.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    const auto c = static_cast<utf8proc_int32_t>(Next(text, pos));
    utf8proc_int32_t parts[32];  // the longest decomposition, U+FDFA, has 18
    int boundary = 0;
    const auto n = utf8proc_decompose_char(c, parts, 32, static_cast<utf8proc_option_t>(options), &boundary);
    if (n < 0 || n > 32) {
      chars.push_back(c);
    } else {
      chars.insert(chars.end(), parts, parts + n);
    }
  }
  // Canonical order. utf8proc's own reordering is quadratic in a run of marks, so that a text could hang it.
  const auto combining = [](utf8proc_int32_t c) { return c < 0x300 ? 0 : utf8proc_get_property(c)->combining_class; };
  for (size_t i = 0; i < chars.size();) {
    if (combining(chars[i]) == 0) {
      ++i;
      continue;
    }
    size_t end = i + 1;
    while (end < chars.size() && combining(chars[end]) != 0) ++end;
    std::stable_sort(chars.begin() + static_cast<ptrdiff_t>(i), chars.begin() + static_cast<ptrdiff_t>(end),
                     [&](auto a, auto b) { return combining(a) < combining(b); });
    i = end;
  }
  if (compose) {
    const auto n = utf8proc_normalize_utf32(chars.data(), static_cast<utf8proc_ssize_t>(chars.size()),
                                            static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    if (n >= 0) chars.resize(static_cast<size_t>(n));
  }
  std::string out;
  out.reserve(text.size());
  for (const auto c : chars) Append(static_cast<char32_t>(c), out);
  return out;
}

}  // namespace lacuna::unicode
