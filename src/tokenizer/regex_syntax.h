// Oniguruma's regular expressions for PCRE2: the parts that Regex::Compile puts together.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

// A set of characters in PCRE2's syntax: `items` stand between [ and ], and `negated` there for the complement ("" when
// it cannot be written as items).
struct CharacterSet {
  std::string items, negated;
};

CharacterSet WhiteSpaceSet();
CharacterSet DigitSet();
CharacterSet HexDigitSet();
CharacterSet WordSet();
// [:name:]
std::optional<CharacterSet> PosixSet(std::string_view name);
// \p{name}; a name that is unknown comes out as it is, for PCRE2 to judge.
CharacterSet PropertySet(std::string_view name);

// The same expression in PCRE2's syntax, to be compiled with UTF, UCP and MULTILINE.
Result<std::string> OnigurumaToPcre2(std::string_view pattern, const std::string& where);

}  // namespace lacuna
