// The lines that Python's textwrap makes of a paragraph.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer.h"

namespace lacuna::jinja {

struct WrapStyle {
  int64_t width;  // characters, at least 1
  bool break_long_words;
  bool break_on_hyphens;
};
// The bytes of each line. White space inside stays, around lines it goes, but for the first line's own.
std::vector<TextSpan> WrapLines(std::string_view paragraph, const WrapStyle& style);

}  // namespace lacuna::jinja
