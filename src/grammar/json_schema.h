// A JSON schema as a grammar of the JSON values that fit it. docs/grammar.md names the keywords that are read; any
// other that would change what fits is an error.
#pragma once

#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

// GBNF whose `root` is a value that fits. Errors begin with "NAME: `#/path`".
Result<std::string> JsonSchemaToGbnf(std::string_view schema, const std::string& name);

}  // namespace lacuna
