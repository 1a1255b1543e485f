#include "io/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

std::string Failure(std::string_view text, const JsonLimits& limits = {}) {
  const Status status = ParseJson(text, "x.json", limits).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput) << text;
  EXPECT_TRUE(status.message().starts_with("x.json: ")) << status.message();
  return status.message();
}

TEST(ParseJson, EveryKindOfValue) {
  const auto json =
      ParseJson(R"( {"a": [1, -2, 2.5, true, null, "\u00e9\n"], "b": {"c": {}}, "d": 18446744073709551615} )", "x");
  ASSERT_TRUE(json.ok()) << json.status().message();
  EXPECT_EQ(json->dump(), "{\"a\":[1,-2,2.5,true,null,\"\u00e9\\n\"],\"b\":{\"c\":{}},\"d\":18446744073709551615}");
  EXPECT_EQ(*ParseJson("3", "x"), Json(3));
  EXPECT_EQ(*ParseJson("[]", "x"), Json::array());
}

TEST(ParseJson, LastOfARepeatedKeyCounts) {
  EXPECT_EQ(ParseJson(R"({"a": {"b": 1}, "a": [2], "c": 3})", "x")->dump(), R"({"a":[2],"c":3})");
}

TEST(ParseJson, BrokenTextSaysWhere) {
  EXPECT_NE(Failure("{\"a\": 1,\n \"b\" 2}").find("line 2, column 6"), std::string::npos);
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "nul", "{'a':1}", "[1] 2", "// c\n1", "NaN", "[Infinity]",
                           "01", "\"a", "1e999", "-1e999", "\"\\ud800\"", "\"\\x41\"", "\"\t\""})
    Failure(text);
}

TEST(ParseJson, Utf8IsStrict) {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\"", "\"\xf4\x90\x80\x80\"", "{\"\x80\":1}"})
    Failure(text);
  EXPECT_TRUE(ParseJson("\"\xe2\x82\xac\xf0\x9f\x98\x80\"", "x").ok());
}

TEST(ParseJson, DepthIsBounded) {
  const auto nested = [](int n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(ParseJson(nested(64), "x").ok());
  EXPECT_EQ(Failure(nested(65)), "x.json: nested deeper than 64 levels");
  EXPECT_EQ(Failure(std::string(10'000'000, '[')), "x.json: nested deeper than 64 levels");
  std::string objects;
  for (int i = 0; i < 100000; ++i) objects += "{\"a\":";
  EXPECT_EQ(Failure(objects), "x.json: nested deeper than 64 levels");
  EXPECT_TRUE(ParseJson("[[],[],[[]]]", "x", {.max_depth = 3}).ok());
  EXPECT_FALSE(ParseJson("[[],[],[[]]]", "x", {.max_depth = 2}).ok());
}

TEST(ParseJson, SizeIsBounded) {
  EXPECT_EQ(Failure("[1,2,3]", {.max_bytes = 6}), "x.json: 7 bytes of JSON; at most 6 are read");
  testing::TempDir dir;
  const std::string path = dir.Write("f.json", "[1,2,3]");
  EXPECT_TRUE(ParseJsonFile(path).ok());
  EXPECT_NE(ParseJsonFile(path, {.max_bytes = 6}).status().message().find(path), std::string::npos);
}

TEST(JsonText, QuoteAndUtf8) {
  EXPECT_EQ(JsonQuote("a\"\n\u00e9"), "\"a\\\"\\n\u00e9\"");
  EXPECT_EQ(JsonQuote("a\xff"), "\"a\ufffd\"");
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8("a\u00e9\u20ac\U0001f600"));
  for (const char* bad : {"\x80", "\xc3", "\xc0\xaf", "\xe0\x9f\x80", "\xed\xa0\x80", "\xf0\x8f\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1"})
    EXPECT_FALSE(IsValidUtf8(bad));
}

class JsonReaderTest : public ::testing::Test {
 protected:
  Json json_ = *ParseJson(
      R"({"i": 5, "f": 8192.0, "h": 0.5, "s": "text", "n": null, "t": true, "big": 1e300, "u": 18446744073709551615,
                              "list": [1, 2], "strings": ["a", "b"], "mixed": [1, "b"], "o": {"p": {"x": -1}, "e": {}}})",
      "f.json");
  JsonReader reader_ = *JsonReader::Create("f.json", json_);
};

TEST_F(JsonReaderTest, AbsentNullAndValueDiffer) {
  EXPECT_TRUE(reader_.Has("n") && !reader_.HasValue("n") && reader_.IsNull("n"));
  EXPECT_TRUE(!reader_.Has("z") && !reader_.HasValue("z") && !reader_.IsNull("z"));
  EXPECT_EQ(*reader_.IntOr("z", 7, 0, 10), 7);
  EXPECT_EQ(reader_.IntOr("n", 7, 0, 10).status().message(), "f.json: `n` is null; it must be an integer from 0 to 10");
  EXPECT_EQ(reader_.Int("z", 0, 10).status().message(), "f.json: `z` is missing; it must be an integer from 0 to 10");
  EXPECT_FALSE(reader_.OptionalInt("n", 0, 10)->has_value());
  EXPECT_FALSE(reader_.OptionalInt("z", 0, 10)->has_value());
  EXPECT_FALSE(reader_.OptionalNumber("n", 0, 10)->has_value());
  EXPECT_FALSE(reader_.OptionalString("n")->has_value());
  EXPECT_FALSE(reader_.OptionalObject("n")->has_value());
  EXPECT_FALSE(reader_.OptionalInts("z", 0, 1)->has_value());
}

TEST_F(JsonReaderTest, Integers) {
  EXPECT_EQ(*reader_.Int("i", 0, 10), 5);
  EXPECT_EQ(*reader_.Int("f", 0, 10000), 8192);
  EXPECT_EQ(reader_.Int("i", 6, 10).status().message(), "f.json: `i` is 5; it must be an integer from 6 to 10");
  for (const char* key : {"h", "s", "t", "big", "u", "list", "o"})
    EXPECT_FALSE(reader_.Int(key, INT64_MIN, INT64_MAX).ok()) << key;
  EXPECT_EQ(**reader_.OptionalInts("list", 0, 5), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(**reader_.OptionalInts("i", 0, 5), (std::vector<int64_t>{5}));
  EXPECT_EQ(reader_.OptionalInts("mixed", 0, 5).status().message(),
            "f.json: `mixed` is [1,\"b\"]; it must be an integer from 0 to 5 or a list of such");
  EXPECT_FALSE(reader_.OptionalInts("list", 0, 1).ok());
}

TEST_F(JsonReaderTest, OtherTypes) {
  EXPECT_EQ(*reader_.Number("h", 0, 1), 0.5);
  EXPECT_EQ(*reader_.Number("i", 0, 10), 5.0);
  EXPECT_EQ(reader_.Number("h", 1, 2).status().message(), "f.json: `h` is 0.5; it must be a number from 1.0 to 2.0");
  EXPECT_FALSE(reader_.Number("s", 0, 1).ok());
  EXPECT_EQ(*reader_.BoolOr("t", false), true);
  EXPECT_EQ(*reader_.BoolOr("z", true), true);
  EXPECT_EQ(reader_.BoolOr("i", true).status().message(), "f.json: `i` is 5; it must be true or false");
  EXPECT_EQ(*reader_.String("s"), "text");
  EXPECT_EQ(*reader_.StringOr("z", "d"), "d");
  EXPECT_FALSE(reader_.StringOr("n", "d").ok());
  EXPECT_EQ(**reader_.OptionalStrings("strings"), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(reader_.OptionalStrings("mixed").ok());
  EXPECT_FALSE(reader_.OptionalStrings("s").ok());
}

TEST_F(JsonReaderTest, InnerObjectsNameTheirPath) {
  const auto o = *reader_.OptionalObject("o");
  const auto p = *o->OptionalObject("p");
  EXPECT_EQ(p->Int("x", 0, 1).status().message(), "f.json: `o.p.x` is -1; it must be an integer from 0 to 1");
  EXPECT_EQ(p->OptionalObject("x").status().message(), "f.json: `o.p.x` is -1; it must be an object");
  EXPECT_EQ(JsonReader::Create("f.json", json_["list"]).status().message(),
            "f.json: is [1,2]; it must be a JSON object");
}

TEST(JsonExcerpt, IsShort) {
  EXPECT_EQ(JsonExcerpt(Json::parse(R"({"a": 1})")), "an object");
  EXPECT_EQ(JsonExcerpt(Json(std::vector<int>(1000, 1))), "a list of 1000");
  EXPECT_EQ(JsonExcerpt(Json(std::string(1000, 'a'))).size(), 83u);
  EXPECT_EQ(JsonExcerpt(Json("\u00e9")), "\"\\u00e9\"");
}

}  // namespace
}  // namespace lacuna
