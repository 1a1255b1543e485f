// JSON text as a template's value: keys in their order, 1 and 1.0 apart.
#pragma once

#include <string>
#include <string_view>

#include "lacuna/status.h"
#include "tokenizer/chat/value.h"

namespace lacuna::jinja {

// Every string in it counts as input, but for the roles that templates know (see IsRole): templates build tokens of
// them, as in '<|' + message.role + '|>'. `name` begins messages.
Result<Value> ParseJsonValue(std::string_view text, const std::string& name);

bool IsRole(std::string_view role);

}  // namespace lacuna::jinja
