#include "compress/strip.h"

#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

// str.isspace: the property White_Space, and the four separators of ASCII.
bool IsSpace(char32_t c) { return unicode::IsWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }

}  // namespace

std::string_view Strip(std::string_view text) {
  std::size_t begin = 0, end = text.size();
  for (std::size_t next = begin; begin < end; begin = next) {
    if (!IsSpace(unicode::Next(text, next))) break;
  }
  for (std::size_t before = end; end > begin; end = before) {
    if (!IsSpace(unicode::Previous(text, before))) break;
  }
  return text.substr(begin, end - begin);
}

}  // namespace lacuna
