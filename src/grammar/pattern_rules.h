// `pattern` of a JSON schema (an ECMAScript regular expression) as GBNF of a JSON string.
#pragma once

#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

// The body of a rule, quotes included: strings in which the pattern is found. It names json_rules.h's rule `char` where
// the pattern is not bound to an end by ^ or $. Control characters are written by \b \t \n \f \r, or as they are named.
// Read: literals, ., classes, \d \w \s and their opposites, groups (named ones too), |, greedy and lazy repetition, ^
// and $ at the ends. kInvalidInput says what else is there and where.
Result<std::string> PatternToGbnf(std::string_view pattern);

}  // namespace lacuna
