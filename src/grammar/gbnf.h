// GBNF, llama.cpp's notation for grammars (docs/grammar.md has what is read).
#pragma once

#include <string>
#include <string_view>

#include "grammar/byte_grammar.h"
#include "lacuna/status.h"

namespace lacuna {

// Errors begin with "NAME:LINE:COLUMN: ", columns counted in characters from 1.
Result<ByteGrammar> ParseGbnf(std::string_view text, const std::string& name);

}  // namespace lacuna
