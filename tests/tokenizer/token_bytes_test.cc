// The bytes of single tokens, as they stand in the middle of a text.
#include "tokenizer/token_bytes.h"

#include <gtest/gtest.h>

#include "tests/tokenizer/mini.h"

namespace lacuna {
namespace {

using namespace testing;

std::string BytesOf(const nlohmann::json& json, const std::string& piece) {
  const auto tokenizer = Parse(json);
  const TokenBytes bytes(*tokenizer, tokenizer->vocab_size());
  return std::string(bytes[tokenizer->IdOf(piece).value()]);
}

TEST(TokenBytes, ByteLevelCharactersAreBytes) {
  nlohmann::json json = Mini();
  json["decoder"] = {{"type", "ByteLevel"}};
  EXPECT_EQ(BytesOf(json, "abc"), "abc");
  EXPECT_EQ(BytesOf(json, "Ġ"), " ");
  EXPECT_EQ(BytesOf(json, "é"), "\xE9");
  EXPECT_EQ(BytesOf(json, "中"), "中");  // no character of the alphabet
}

TEST(TokenBytes, ByteFallbackAndSpaceMarks) {
  nlohmann::json json = Mini(true);
  json["decoder"] = nlohmann::json::parse(R"({"type": "Sequence", "decoders": [
    {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
    {"type": "Strip", "content": " ", "start": 1, "stop": 0}]})");
  EXPECT_EQ(BytesOf(json, "<0x0A>"), "\n");
  EXPECT_EQ(BytesOf(json, "<0xE9>"), "\xE9");
  EXPECT_EQ(BytesOf(json, "▁a"), " a");
  EXPECT_EQ(BytesOf(json, "▁"), " ");
  EXPECT_EQ(BytesOf(json, "é"), "é");
}

TEST(TokenBytes, SpecialTokensAndIdsOutsideHaveNone) {
  nlohmann::json json = Mini();
  const int id = static_cast<int>(json["model"]["vocab"].size());
  json["added_tokens"] = nlohmann::json::array({AddedToken(id, "<end>")});
  const auto tokenizer = Parse(json);
  const TokenBytes bytes(*tokenizer, id + 5);
  EXPECT_EQ(bytes.size(), id + 5);
  EXPECT_EQ(bytes[id], "");
  EXPECT_EQ(bytes[id + 4], "");
  EXPECT_EQ(bytes[id + 5], "");
  EXPECT_EQ(bytes[-1], "");
}

}  // namespace
}  // namespace lacuna
