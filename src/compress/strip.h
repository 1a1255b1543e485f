// White space at the ends of a text, as Python's str.strip takes it away.
#pragma once

#include <string_view>

namespace lacuna {

// `text` is valid UTF-8.
std::string_view Strip(std::string_view text);

}  // namespace lacuna
