// GBNF rules that grammars of JSON share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

// `text` in quotes, as GBNF reads it.
std::string GbnfLiteral(std::string_view text);
// The body of a rule by its name: value, object, array, string, char, plain, number, integer, boolean, null, space,
// format-date, ..
std::string JsonRule(const std::string& name);
// The rules that it names.
std::vector<std::string> JsonRuleNeeds(const std::string& name);

}  // namespace lacuna
