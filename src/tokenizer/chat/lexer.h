// Cuts a template into text, delimiters and the tokens between them, with Jinja's whitespace control as transformers
// sets it: trim_blocks (a block takes the newline behind it), lstrip_blocks (and the spaces before it, when it stands
// first in its line), one newline at the template's end is dropped.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"

namespace lacuna::jinja {

struct Token {
  enum class Type {
    kData,
    kVariableBegin,
    kVariableEnd,
    kBlockBegin,
    kBlockEnd,
    kName,
    kString,
    kInteger,
    kFloat,
    kOperator,
    kEnd
  };
  Type type;
  std::string text;  // of strings: the value
  int line;          // from 1
};

// `name` begins messages ("NAME: line 3: ..."). The last token is kEnd.
Result<std::vector<Token>> Lex(std::string_view source, const std::string& name);

Status TemplateError(const std::string& name, int line, const std::string& what);

}  // namespace lacuna::jinja
