// Decoders, one by one and as streams.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/tokenizer/mini.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

using nlohmann::json;
using testing::Mini;

// Decodes the pieces, whole and as a stream, which must agree.
std::string Decode(const json& decoder, const std::vector<std::string>& pieces) {
  json j = Mini(true);
  j["decoder"] = decoder;
  const auto tokenizer = testing::Parse(j);
  if (!tokenizer) return "not a tokenizer";
  std::vector<int32_t> ids;
  for (const std::string& piece : pieces) {
    EXPECT_TRUE(tokenizer->IdOf(piece)) << piece;
    ids.push_back(tokenizer->IdOf(piece).value_or(0));
  }
  const std::string whole = *tokenizer->Decode(ids);
  DecodeStream stream(tokenizer);
  for (int round = 0; round < 2; ++round) {  // Finish() leaves the stream as new
    std::string streamed;
    for (const int32_t id : ids) streamed += stream.Next(id);
    EXPECT_EQ(streamed + stream.Finish(), whole) << decoder.dump();
  }
  return whole;
}

TEST(TokenizerDecoder, Each) {
  const json replace = {{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}};
  const json bytes = {{"type", "ByteFallback"}}, fuse = {{"type", "Fuse"}};
  const json strip = {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}};
  const json llama = {{"type", "Sequence"}, {"decoders", {replace, bytes, fuse, strip}}};
  EXPECT_EQ(Decode(nullptr, {"a", "b"}), "a b");
  EXPECT_EQ(Decode(fuse, {"a", "b"}), "ab");
  EXPECT_EQ(Decode(replace, {"\u2581a", "b", "\u2581"}), " ab ");
  EXPECT_EQ(Decode(llama, {"\u2581a", "\u2581a", "b"}), "a ab");
  EXPECT_EQ(Decode(llama, {"\u2581", "\u2581a"}), " a");
  EXPECT_EQ(Decode(llama, {"a", "<0xE2>", "<0x82>", "<0xAC>", "b"}), "a\u20acb");
  EXPECT_EQ(Decode(llama, {"<0xE2>", "<0x82>", "<0xAC>", "<0x41>"}), "\u20acA");
  EXPECT_EQ(Decode(bytes, {"<0xE2>", "<0x82>", "<0x41>", "a"}), "\uFFFD\uFFFD\uFFFDa");  // the whole run
  EXPECT_EQ(Decode({{"type", "ByteLevel"}}, {"\u0120", "a", "\u00e9", "\u4e2d"}), " a\uFFFD\u4e2d");
  EXPECT_EQ(
      Decode({{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "always"}}, {"\u2581a", "\u2581a"}),
      "a a");
  EXPECT_EQ(
      Decode({{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "never"}}, {"\u2581a", "\u2581a"}),
      " a a");
  EXPECT_EQ(Decode({{"type", "Strip"}, {"content", "a"}, {"start", 1}, {"stop", 2}}, {"aaaa", "ab", "b"}), "abb");
  EXPECT_EQ(Decode({{"type", "Sequence"},
                    {"decoders", {fuse, {{"type", "Strip"}, {"content", "a"}, {"start", 3}, {"stop", 1}}}}},
                   {"aa", "aa", "b", "aa", "b", "aaaa", "aa"}),
            "abaabaaaaa");
  EXPECT_EQ(Decode({{"type", "Sequence"},
                    {"decoders", {fuse, {{"type", "Replace"}, {"pattern", {{"String", "ab"}}}, {"content", "-"}}}}},
                   {"a", "b", "a", "a", "bc"}),
            "-a-c");
  EXPECT_EQ(Decode({{"type", "Replace"}, {"pattern", {{"Regex", "a+"}}}, {"content", "x"}}, {"aaaa", "aa", "b"}),
            "xxb");
  EXPECT_EQ(Decode({{"type", "Sequence"}, {"decoders", json::array()}}, {"a", "b"}), "ab");
}

TEST(TokenizerDecoder, StreamHoldsBackHalfCharacters) {
  json j = Mini();
  j["decoder"] = {{"type", "ByteLevel"}};
  j["model"]["vocab"] = {{"\u00f0", 0}, {"\u0141", 1}, {"\u013b", 2}, {"\u0122", 3}, {"a", 4}, {"\u00f0\u0141", 5}};
  j["model"]["merges"] = json::array();
  j["model"]["unk_token"] = nullptr;
  const auto tokenizer = testing::Parse(j);
  ASSERT_TRUE(tokenizer);
  DecodeStream stream(tokenizer);  // U+1F640 is F0 9F 99 80
  EXPECT_EQ(stream.Next(5), "");
  EXPECT_EQ(stream.Next(2), "");
  EXPECT_EQ(stream.Next(3), "\U0001F640");
  EXPECT_EQ(stream.Next(0), "");
  EXPECT_EQ(stream.Next(4), "\uFFFDa");
  EXPECT_EQ(stream.Next(5), "");
  EXPECT_EQ(stream.Next(-7), "");
  EXPECT_EQ(stream.Next(1000), "");
  EXPECT_EQ(stream.Finish(), "\uFFFD");
  EXPECT_EQ(stream.Finish(), "");
  EXPECT_EQ(stream.Next(4), "a");
}

TEST(TokenizerDecoder, IdsOutsideTheVocabularyAreErrors) {
  const auto tokenizer = testing::Parse(Mini());
  for (const int32_t id : {-1, 26, 1 << 30}) {
    const auto text = tokenizer->Decode(std::vector<int32_t>{1, id});
    ASSERT_FALSE(text.ok());
    EXPECT_EQ(text.status().code(), StatusCode::kInvalidInput);
    EXPECT_NE(text.status().message().find(std::to_string(id)), std::string::npos);
  }
}

TEST(TokenizerDecoder, SkipsSpecialTokens) {
  json j = Mini();
  json plain = testing::AddedToken(27, "<p>");
  plain["special"] = false;
  j["added_tokens"] = json::array({testing::AddedToken(26, "<s>"), plain});
  const auto tokenizer = testing::Parse(j);
  const std::vector<int32_t> ids = {26, 1, 27, 26};
  EXPECT_EQ(*tokenizer->Decode(ids), "a<p>");
  EXPECT_EQ(*tokenizer->Decode(ids, false), "<s>a<p><s>");
}

TEST(Unicode, LossyIsTheStandardsBestPractice) {
  EXPECT_EQ(unicode::ToValidUtf8("a\xF1\x80\x80\xE1\x80\xC2"
                                 "b\x80"
                                 "c\x80\xBF"
                                 "d"),
            "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd");
  EXPECT_EQ(unicode::ToValidUtf8("\xC0\xAF\xE0\x80\x80\xF4\x90\x80\x80"),
            "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD");
  std::string out;
  EXPECT_EQ(unicode::AppendLossy("ab\xE2\x82", false, out), 2u);
  EXPECT_EQ(out, "ab");
}

TEST(Unicode, EveryCharacterSurvives) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string s;
    unicode::Append(c, s);
    ASSERT_TRUE(unicode::IsValidUtf8(s));
    size_t pos = 0;
    ASSERT_EQ(unicode::Next(s, pos), c);
    ASSERT_EQ(pos, s.size());
    ASSERT_EQ(unicode::Previous(s, pos), c);
    ASSERT_EQ(unicode::CharLength(s[0]), s.size());
  }
}

}  // namespace
}  // namespace lacuna
