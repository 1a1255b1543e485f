// Template text to a tree, by Jinja's grammar.
#pragma once

#include <string>
#include <string_view>

#include "lacuna/status.h"
#include "tokenizer/chat/ast.h"

namespace lacuna::jinja {

inline constexpr size_t kMaxTemplateBytes = size_t{1} << 20;  // published ones have up to 40 KB
inline constexpr int kMaxNesting = 100;                       // of blocks, and of operands in an expression

Result<Body> ParseTemplate(std::string_view source, const std::string& name);

}  // namespace lacuna::jinja
