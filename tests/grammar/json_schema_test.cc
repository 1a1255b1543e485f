// Which values each keyword lets through, and that other keywords are refused by name.
#include <gtest/gtest.h>

#include <cmath>

#include "grammar/integer_range.h"
#include "grammar/number_range.h"
#include "lacuna/grammar.h"

namespace lacuna {
namespace {

void Expect(const std::string& schema, std::vector<std::string> fits, std::vector<std::string> does_not) {
  const auto grammar = Grammar::FromJsonSchema(schema, "s");
  ASSERT_TRUE(grammar.ok()) << schema << "\n" << grammar.status().message();
  const auto test = [&](const std::string& text) {
    const auto match = (*grammar)->Test(text);
    return match.ok() && *match == Grammar::Match::kWhole;
  };
  for (const auto& t : fits) EXPECT_TRUE(test(t)) << schema << "\n" << t;
  for (const auto& t : does_not) EXPECT_FALSE(test(t)) << schema << "\n" << t;
}

std::string Error(const std::string& schema) {
  const auto grammar = Grammar::FromJsonSchema(schema, "s");
  return grammar.ok() ? "" : grammar.status().message();
}

TEST(JsonSchema, Types) {
  Expect(R"({"type": "boolean"})", {"true", "false"}, {"null", "True", "1", ""});
  Expect(R"({"type": "null"})", {"null"}, {"nil"});
  Expect(R"({"type": "integer"})", {"0", "-1", "1234567890"}, {"01", "1.0", "-", "+1", "1e3"});
  Expect(R"({"type": "number"})", {"0", "-1.5", "2e10", "1.25E-3"}, {"1.", ".5", "NaN", "1e", "1e999"});
  Expect(R"({"type": "string"})", {R"("")", R"("a é 😀")", R"("\"\\\n\u00e9")"},
         {"\"\n\"", R"("\x")", R"("\ud800")", "\"a", "a"});
  Expect(R"({"type": ["string", "null"], "maxLength": 2})", {"null", R"("ab")"}, {R"("abc")", "1"});
  Expect("{}", {"{}", R"({"a": [1, {"b": null}]})"}, {"[]", "1", "{"});  // as llama.cpp: any object
  Expect("true", {"1", "[]", "{}", R"("x")"}, {"x"});
  Expect(R"({"description": "anything"})", {"1", "[true, false]"}, {"x"});
}

TEST(JsonSchema, StringsAndIntegersWithLimits) {
  Expect(R"({"type": "string", "minLength": 2, "maxLength": 3})", {R"("ab")", R"("é😀x")", R"("\n\u0041")"},
         {R"("a")", R"("abcd")"});
  Expect(R"({"minLength": 1})", {R"("a")"}, {R"("")"});
  Expect(R"({"type": "string", "format": "date"})", {R"("2024-02-29")"}, {R"("2024-13-01")", R"("24-1-1")"});
  Expect(R"({"format": "date"})",
         {R"("2023-01-31")", R"("2023-11-30")", R"("2023-02-28")", R"("2000-02-29")", R"("1904-02-29")",
          R"("0400-02-29")"},
         {R"("2023-02-29")", R"("1900-02-29")", R"("2024-02-30")", R"("2023-04-31")", R"("2023-06-31")",
          R"("2023-01-32")", R"("2023-01-00")"});
  Expect(R"({"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991})",
         {"0", "-9007199254740991", "9007199254740991"}, {"9007199254740992", "-9007199254740992"});
  Expect(R"({"type": "string", "format": "date-time"})",
         {R"("2024-02-29T23:59:59Z")", R"("2024-02-29T00:00:00.5+01:00")"}, {R"("2024-02-29")"});
  Expect(R"({"type": "string", "format": "uuid"})", {R"("123e4567-e89b-12d3-a456-426614174000")"}, {R"("123")"});
  Expect(R"({"type": "integer", "minimum": 0, "maximum": 150})", {"0", "9", "10", "99", "150"},
         {"-1", "151", "200", "1000", "00"});
  Expect(R"({"type": "integer", "exclusiveMinimum": -3, "maximum": 2.5})", {"-2", "0", "2"}, {"-3", "3", "-0"});
}

TEST(JsonSchema, EveryIntegerOfARange) {
  const std::pair<int, int> ranges[] = {{0, 0},   {0, 9},      {7, 7},  {3, 17},   {99, 101},
                                        {-5, 12}, {-120, -17}, {-1, 0}, {1, 1234}, {987, 1011}};
  for (const auto& [low, high] : ranges) {
    const auto g = Grammar::Parse("root ::= " + IntegerRange(low, high));
    ASSERT_TRUE(g.ok());
    for (int i = -1300; i <= 1300; ++i) {
      EXPECT_EQ(*(*g)->Test(std::to_string(i)) == Grammar::Match::kWhole, i >= low && i <= high)
          << low << " " << high << " " << i;
    }
  }
  for (const int limit : {-123, -1, 0, 1, 47, 100, 999}) {
    const auto above = Grammar::Parse("root ::= " + IntegerRange(limit, std::nullopt));
    const auto below = Grammar::Parse("root ::= " + IntegerRange(std::nullopt, limit));
    ASSERT_TRUE(above.ok() && below.ok());
    for (int i = -1300; i <= 1300; ++i) {
      EXPECT_EQ(*(*above)->Test(std::to_string(i)) == Grammar::Match::kWhole, i >= limit) << limit << " " << i;
      EXPECT_EQ(*(*below)->Test(std::to_string(i)) == Grammar::Match::kWhole, i <= limit) << limit << " " << i;
    }
    EXPECT_EQ(*(*above)->Test("1234567890123456"), Grammar::Match::kWhole);
    EXPECT_EQ(*(*below)->Test("-1234567890123456"), Grammar::Match::kWhole);
  }
  EXPECT_EQ(IntegerRange(2, 1), "");
}

// Against the comparison itself, over what can be written near the limits.
TEST(JsonSchema, NumbersWithLimits) {
  const double limits[] = {-12.5, -0.05, 0, 0.25, 0.75, 1, 100};
  std::vector<std::string> texts;
  for (const char* whole : {"0", "1", "9", "12", "13", "99", "100"}) {
    for (const char* fraction :
         {"", ".0", ".0001", ".05", ".06", ".2", ".250", ".26", ".5", ".75", ".9999999999999999"}) {
      texts.push_back(std::string(whole) + fraction);
      if (std::stod(texts.back()) != 0) texts.push_back("-" + texts.back());
    }
  }
  const auto check = [&](const std::optional<NumberLimit>& min, const std::optional<NumberLimit>& max) {
    const std::string body = NumberRange(min, max);
    const auto g = Grammar::Parse("root ::= " + (body.empty() ? std::string("\"none\"") : body));
    ASSERT_TRUE(g.ok()) << body;
    for (const std::string& text : texts) {
      const double x = std::stod(text);
      const bool fits = (!min || x > min->value || (x == min->value && !min->open)) &&
                        (!max || x < max->value || (x == max->value && !max->open));
      const bool long_one = text.size() - std::min(text.find('.'), text.size()) > 15;
      if (fits && long_one) continue;  // open limits leave fewer digits, and std::stod rounds to closed ones
      ASSERT_EQ(*(*g)->Test(text) == Grammar::Match::kWhole, fits)
          << text << " from " << (min ? min->value : -INFINITY) << " to " << (max ? max->value : INFINITY) << "\n"
          << body;
    }
    for (const char* wrong : {"", "-", "-0", "00", "01", "1.", ".5", "1e1", "+1"})
      EXPECT_NE(*(*g)->Test(wrong), Grammar::Match::kWhole) << wrong;
  };
  for (const double a : limits) {
    for (const bool open : {false, true}) {
      check(NumberLimit{a, open}, std::nullopt);
      check(std::nullopt, NumberLimit{a, open});
      for (const double b : limits) {
        for (const bool end : {false, true}) check(NumberLimit{a, open}, NumberLimit{b, end});
      }
    }
  }
  Expect(R"({"type": "number", "minimum": 0, "maximum": 1})", {"0", "0.97", "1", "1.0"}, {"-0.1", "1.01", "2", "5e-1"});
  Expect(R"({"type": ["number", "null"], "exclusiveMinimum": 0})", {"null", "0.00000000000001", "12345.5"},
         {"0", "0.0", "-1"});
  Expect(R"({"type": "number", "maximum": 3, "exclusiveMaximum": 3})", {"2.99999999999999", "-7"},
         {"3", "3.0", "2.99999999999999999"});
  EXPECT_EQ(Error(R"({"type": "number", "minimum": 1, "exclusiveMaximum": 1})"),
            "s: `#` has no number between its limits");
  for (const char* limit : {"1e16", "1e-16", "true", "\"1\""})
    EXPECT_EQ(Error(std::string("{\"type\": \"number\", \"minimum\": ") + limit + "}"),
              "s: `#/minimum` expected a number within +-(2^53 - 1), of at most 15 digits after the point");
}

TEST(JsonSchema, EnumsAndConstants) {
  Expect(R"({"enum": ["red", 1, null, {"a": [1, 2]}]})", {R"("red")", "1", "null", R"({"a":[1,2]})"},
         {"red", R"("blue")"});
  Expect(R"({"const": [1, {"a": []}]})", {R"([1,{"a":[]}])"}, {"1", "[1]"});
  Expect(R"({"const": {"a": 1, "b": 2}})", {R"({"a":1,"b":2})"}, {"1", "2", "{}"});
  Expect(R"({"type": "string", "enum": ["a", 1, null]})", {R"("a")"}, {"1", "null"});
  Expect(R"({"type": ["integer", "null"], "enum": ["a", 1, 2.0, 2.5, null, true]})", {"1", "2.0", "null"},
         {R"("a")", "2.5", "true"});
  Expect(R"({"type": "object", "const": {"a": 1}})", {R"({"a":1})"}, {});
  EXPECT_EQ(Error(R"({"type": "integer", "enum": ["a"]})"), "s: `#` has no value of its own type");
  EXPECT_EQ(Error(R"({"type": "string", "const": 1})"), "s: `#` has no value of its own type");
  EXPECT_EQ(Error(R"({"type": 3, "const": 1})"), "s: `#/type` expected the name of a type, or a list of them");
  Expect(R"({"const": "a\"\\\n"})", {R"("a\"\\\n")"}, {R"("a")"});
}

TEST(JsonSchema, Arrays) {
  Expect(R"({"type": "array"})", {"[]", "[1, \"a\", []]", "[1,2]"}, {"[1,]", "[", "[,1]"});
  Expect(R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})",
         {"[1]", "[1, 2, 3]", "[\n  1,\n  2\n]"}, {"[]", "[1,2,3,4]", "[true]"});
  Expect(R"({"items": {"type": "integer"}, "maxItems": 0})", {"[]"}, {"[1]"});
  Expect(R"({"prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false})", {R"([1, "a"])"},
         {"[1]", R"([1, "a", 2])"});
  Expect(R"({"prefixItems": [{"type": "integer"}], "items": {"type": "null"}, "minItems": 2})",
         {"[1, null]", "[1, null, null]"}, {"[1]", "[1, 2]"});
}

TEST(JsonSchema, Objects) {
  const std::string schema =
      R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
    "ok": {"type": "boolean"}}, "required": ["age"]})";
  Expect(schema,
         {R"({"age": 1})", R"({"name": "x", "age": 1})", R"({"age":1,"ok":true})",
          "{\n  \"name\": \"x\",\n  \"age\": 1,\n  \"ok\": false\n}"},
         {"{}", R"({"name": "x"})", R"({"age": 1, "name": "x"})", R"({"age": 1,})", R"({"age": 1, "age": 2})",
          R"({"age": 1, "other": 2})"});
  Expect(R"({"properties": {"a": {"type": "null"}, "b": {"type": "null"}}})",
         {"{}", R"({"a": null})", R"({"b": null})", R"({"a": null, "b": null})"}, {R"({,"b": null})"});
  Expect(R"({"properties": {"ab": {"type": "null"}, "a]": true}, "additionalProperties": {"type": "integer"}})",
         {"{}", R"({"ab": null, "x": 1})", R"({"x": 1, "abc": 2, "a": 3, "": 4, "é": 5})", R"({"a]": true})"},
         {R"({"ab": 1})", R"({"x": null})", R"({"x": 1, "ab": 2})", R"({"a]": true, "a]": 1})", R"({"\u0061b": 1})"});
  Expect(R"({"type": "object", "additionalProperties": {"type": "integer"}})", {"{}", R"({"x": 1, "y": 2})"},
         {R"({"x": "y"})"});
  Expect(R"({"type": "object", "additionalProperties": false})", {"{}"}, {R"({"x": 1})"});
}

TEST(JsonSchema, UnionsAndReferences) {
  Expect(R"({"anyOf": [{"type": "null"}, {"type": "integer"}]})", {"null", "3"}, {"true"});
  Expect(R"({"allOf": [{"$ref": "#/$defs/a~1b"}], "$defs": {"a/b": {"type": "null"}}})", {"null"}, {"1"});
  Expect(R"({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"v": {"type": "integer"},
    "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, "required": ["v"]}}})",
         {R"({"v": 1, "children": [{"v": 2}, {"v": 3, "children": []}]})"}, {R"({"children": []})"});
  EXPECT_NE(Error(R"({"anyOf": [{"$ref": "#"}, {"type": "null"}]})").find("left recursion"), std::string::npos);
}

TEST(JsonSchema, NotesHaveNoEffect) {
  Expect(R"({"x-order": 1, "example": true, "title": "t", "type": "boolean"})", {"true"}, {"1"});
  Expect(R"({"type": "string", "contentMediaType": "text/plain", "contentEncoding": "base64", "maxLength": 1})",
         {R"("a")"}, {R"("ab")"});
  Expect(R"({"oneOf": [{"type": "null"}, {"type": "boolean"}], "discriminator": {"propertyName": "kind"}})",
         {"null", "true"}, {"1"});
}

TEST(JsonSchema, WhatIsNotReadIsRefusedByName) {
  EXPECT_EQ(Error(R"({"type": "string", "uniqueItems": true})"),
            "s: `#/uniqueItems` is a keyword that is not supported here, supported are type, minLength, maxLength, "
            "format, pattern");
  EXPECT_EQ(Error(R"({"properties": {"a": {"type": "number", "multipleOf": 1}}})").substr(0, 35),
            "s: `#/properties/a/multipleOf` is a");
  for (const char* wrong : {"",
                            "[]",
                            "1",
                            "false",
                            "{\"type\": \"thing\"}",
                            "{\"type\": 3}",
                            "{\"not\": {}}",
                            "{\"enum\": []}",
                            "{\"type\": \"array\", \"uniqueItems\": true}",
                            "{\"$ref\": \"#/nothing\"}",
                            "{\"$ref\": \"http://x\"}",
                            "{\"type\": \"string\", \"minLength\": 3, \"maxLength\": 2}",
                            "{\"type\": \"string\", \"minLength\": -1}",
                            "{\"type\": \"string\", \"format\": \"email\"}",
                            "{\"type\": \"integer\", \"minimum\": 2, \"maximum\": 1}",
                            "{\"properties\": {}, \"required\": [\"x\"]}",
                            "{\"items\": [1]}",
                            "{\"anyOf\": []}",
                            "{\"type\": \"object\"",
                            "{\"type\": [\"string\", \"null\"], \"minimum\": 1}",
                            "{\"minItems\": 3, \"maxItems\": 2}"}) {
    EXPECT_NE(Error(wrong), "") << wrong;
  }
}

}  // namespace
}  // namespace lacuna
