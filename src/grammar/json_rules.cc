#include "grammar/json_rules.h"

#include <map>

namespace lacuna {
namespace {

struct Rule {
  const char* body;
  std::vector<std::string> needs;
};

const std::map<std::string, Rule>& Rules() {
  static const std::map<std::string, Rule> kRules = {
      // White space is bounded, or a model could go on with it for ever.
      {"space", {R"((" " | "\n" [ \t]{0,20})?)", {}}},
      {"value",
       {"object | array | string | number | boolean | null",
        {"object", "array", "string", "number", "boolean", "null"}}},
      {"object",
       {R"("{" (space string ":" space value ("," space string ":" space value)*)? space "}")",
        {"string", "value", "space"}}},
      {"array", {R"("[" (space value ("," space value)*)? space "]")", {"value", "space"}}},
      {"string", {R"("\"" char* "\"")", {"char"}}},
      // \u escapes without surrogates, so that every char is one character.
      {"char",
       {R"(plain | "\\" (["\\/bfnrt] | "u" ([0-9a-ce-fA-CE-F] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2})))",
        {"plain"}}},
      {"plain", {R"([^"\\\x7F\x00-\x1F])", {}}},
      // Every number is within a double's range: two digits of exponent.
      {"number", {R"(integer ("." [0-9]{1,16})? ([eE] [-+]? [0-9]{1,2})?)", {"integer"}}},
      {"integer", {R"("-"? ("0" | [1-9] [0-9]{0,15}))", {}}},
      {"boolean", {R"("true" | "false")", {}}},
      {"null", {R"("null")", {}}},
      {"date",
       {R"([0-9]{4} "-" (("0" [13578] | "1" [02]) "-" ("0" [1-9] | [12] [0-9] | "3" [01]) | )"
        R"(("0" [469] | "11") "-" ("0" [1-9] | [12] [0-9] | "30") | "02-" ("0" [1-9] | "1" [0-9] | "2" [0-8])) | )"
        R"(([0-9]{2} ("0" [48] | [2468] [048] | [13579] [26]) | ("0" [048] | [2468] [048] | [13579] [26]) "00") "-02-29")",
        {}}},
      {"time",
       {R"(([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9] ":" [0-5] [0-9] ("." [0-9]{1,9})? ("Z" | [-+] ([01] [0-9] | "2" [0-3]) ":" [0-5] [0-9]))",
        {}}},
      {"format-date", {R"("\"" date "\"")", {"date"}}},
      {"format-time", {R"("\"" time "\"")", {"time"}}},
      {"format-date-time", {R"("\"" date "T" time "\"")", {"date", "time"}}},
      {"format-uuid",
       {R"("\"" [0-9a-fA-F]{8} "-" [0-9a-fA-F]{4} "-" [0-9a-fA-F]{4} "-" [0-9a-fA-F]{4} "-" [0-9a-fA-F]{12} "\"")",
        {}}},
  };
  return kRules;
}

}  // namespace

std::string GbnfLiteral(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    constexpr char kHex[] = "0123456789ABCDEF";
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += "\\x";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string JsonRule(const std::string& name) { return Rules().at(name).body; }
std::vector<std::string> JsonRuleNeeds(const std::string& name) { return Rules().at(name).needs; }

}  // namespace lacuna
