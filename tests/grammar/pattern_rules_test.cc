// `pattern`: which JSON strings it lets through, and what of regular expressions is refused.
#include "grammar/pattern_rules.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lacuna/grammar.h"

namespace lacuna {
namespace {

std::string Schema(const std::string& pattern) {
  return nlohmann::json({{"type", "string"}, {"pattern", pattern}}).dump();
}

// The texts are JSON strings without their quotes.
void Expect(const std::string& pattern, std::vector<std::string> fits, std::vector<std::string> does_not) {
  const auto grammar = Grammar::FromJsonSchema(Schema(pattern), "s");
  ASSERT_TRUE(grammar.ok()) << pattern << "\n" << grammar.status().message();
  const auto test = [&](const std::string& text) {
    const auto match = (*grammar)->Test("\"" + text + "\"");
    return match.ok() && *match == Grammar::Match::kWhole;
  };
  for (const auto& t : fits) EXPECT_TRUE(test(t)) << pattern << "\n" << t;
  for (const auto& t : does_not) EXPECT_FALSE(test(t)) << pattern << "\n" << t;
}

std::string Error(const std::string& pattern) {
  const auto grammar = Grammar::FromJsonSchema(Schema(pattern), "s");
  return grammar.ok() ? "" : grammar.status().message();
}

TEST(PatternRules, WhatPeopleWrite) {
  Expect("^[A-Z]{2}-\\d{3}$", {"AB-123"}, {"A-123", "ab-123", "AB-12", "AB-1234", "xAB-123"});
  Expect("^(\\([0-9]{3}\\))?[0-9]{3}-[0-9]{4}$", {"555-1234", "(800)555-1234"}, {"(80)555-1234", "5551234"});
  Expect("^[a-z0-9]+(?:-[a-z0-9]+)*$", {"a", "a-b2-c"}, {"", "-a", "a-", "a--b", "A"});
  Expect("^#(?<hex>[0-9a-fA-F]{6}|[0-9a-fA-F]{3})$", {"#fff", "#00ff7F"}, {"#ff", "fff"});
  Expect("^[^@\\s]+@[^@\\s]+\\.[a-z]{2,}$", {"a@b.de", "x.y@z.info"}, {"a@b", "a b@c.de", "@b.de"});
  Expect("^v?\\d+\\.\\d+?(\\.\\d+)?$", {"1.2", "v1.20.3"}, {"1", "v1."});
  Expect("^(yes|no|)$", {"yes", "no", ""}, {"maybe", "yesno"});
  Expect("^.{2,3}$", {"ab", "a\u00e9\U0001F600", "\\\"\\\\"}, {"a", "abcd", "a\\n"});
}

TEST(PatternRules, UnboundEndsTakeAnything) {
  Expect("^S_", {"S_", "S_x\\n\\u00e9"}, {"S", "xS_"});
  Expect("\\.txt$", {".txt", "a.b.txt"}, {"a.txt1", "txt"});
  Expect("b+", {"b", "abbbc", "\\nb"}, {"", "ac"});
  Expect("^a|b$", {"a", "ax", "xb", "b"}, {"xa", "bx", ""});
  Expect("", {"", "x"}, {"\n"});
}

TEST(PatternRules, CharactersAreWrittenAsJsonHasThem) {
  Expect("^\"\\\\\\/$", {"\\\"\\\\/"}, {"\"\\/"});
  Expect("^\\n\\t\\r\\f[\\b]$", {"\\n\\t\\r\\f\\b"}, {"\n\t\r\f\b"});
  Expect("^\\x41\\u00e9\\uD83D\\uDE00\\v$", {"A\u00e9\U0001F600\\u000B"}, {"A"});
  Expect("^[^a]$", {"b", "\\n", "\\\"", "\U0001F600"}, {"a", "\n", "\"", ""});
  Expect("^[\\w.-]+$", {"a_9.-"}, {"a b", "\u00e9"});
  Expect("^[\\S]\\D\\W$", {"xy-"}, {" y-", "x1-", "xyz"});
}

TEST(PatternRules, WhatIsNotReadIsSaid) {
  EXPECT_EQ(Error("^(?=a)"), "s: `#/pattern` has a lookahead, which is not supported, at byte 2");
  EXPECT_EQ(Error("^(?!a)"), "s: `#/pattern` has a lookahead, which is not supported, at byte 2");
  EXPECT_EQ(Error("(?<=a)b"), "s: `#/pattern` has a lookbehind, which is not supported, at byte 3");
  EXPECT_EQ(Error("(a)\\1"), "s: `#/pattern` has \\1, which is not supported, at byte 3");
  EXPECT_EQ(Error("\\bx"), "s: `#/pattern` has \\b, which is not supported, at byte 0");
  EXPECT_EQ(Error("\\p{L}"), "s: `#/pattern` has \\p, which is not supported, at byte 0");
  EXPECT_EQ(Error("(^a)"), "s: `#/pattern` has ^ or $ amid the pattern, which is not supported, at byte 1");
  EXPECT_EQ(Error("a$b"), "s: `#/pattern` has an unexpected 'b' at byte 2");
  for (const char* wrong :
       {"(",   ")",    "a)",     "[",        "[a",   "[z-a]", "[\\d-z]", "*a",    "a**",     "{2}",      "a{",
        "a{2", "a{x}", "a{3,2}", "a{10001}", "(?x)", "(?<n",  "\\",      "\\xZ1", "\\uD83D", "[^\\s\\S]"})
    EXPECT_NE(Error(wrong), "") << wrong;
  EXPECT_NE(Error(std::string(60, '(') + std::string(60, ')')), "");
  EXPECT_NE(Error(std::string(5000, 'a')), "");
  const auto both = Grammar::FromJsonSchema(R"({"type": "string", "pattern": "a", "maxLength": 3})", "s");
  EXPECT_EQ(both.status().message(),
            "s: `#` has more than one of format, pattern and length: one of them is supported");
  EXPECT_EQ(Grammar::FromJsonSchema(R"({"pattern": 1})", "s").status().message(),
            "s: `#/pattern` expected a regular expression");
}

}  // namespace
}  // namespace lacuna
