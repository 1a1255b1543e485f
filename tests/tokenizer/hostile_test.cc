// Broken and hostile files: one clear error each, without a crash, a hang or much memory.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/paths.h"
#include "tests/tokenizer/mini.h"

namespace lacuna {
namespace {

using nlohmann::json;
using testing::AddedToken;
using testing::Error;
using testing::Mini;
using testing::TextError;

// The message has `what` in it.
::testing::AssertionResult Names(const std::string& message, const std::string& what) {
  if (message.find(what) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "\"" << message << "\" does not say \"" << what << "\"";
}
#define EXPECT_NAMES(message, what) EXPECT_TRUE(Names(message, what))

TEST(HostileTokenizer, UnknownComponentsAreNamed) {
  for (const char* section : {"normalizer", "pre_tokenizer", "post_processor", "decoder"}) {
    json j = Mini();
    j[section] = {{"type", "Frobnicate"}};
    EXPECT_NAMES(Error(j), std::string(section) + ": the ");
    EXPECT_NAMES(Error(j), "\"Frobnicate\" is not supported");
    j[section] = json::object();
    EXPECT_NAMES(Error(j), std::string(section) + ".type: is missing");
    j[section] = 3;
    EXPECT_NAMES(Error(j), std::string(section) + ": should be an object");
    j[section] = {{"type", "Sequence"}};
    EXPECT_NAMES(Error(j), "is missing; it should be an array");
  }
  json j = Mini();
  j["model"]["type"] = "Unigram";
  EXPECT_NAMES(Error(j), "model.type: the model \"Unigram\" is not supported");
}

TEST(HostileTokenizer, UnknownSettingsAreNamed) {
  json j = Mini();
  j["decoder"] = {{"type", "Fuse"}, {"harder", true}};
  EXPECT_NAMES(Error(j), "decoder.harder: is not a setting that lacuna knows");
  j = Mini();
  j["model"]["temperature"] = 1;
  EXPECT_NAMES(Error(j), "model.temperature");
  j = Mini();
  j["model"]["dropout"] = 0.1;
  EXPECT_NAMES(Error(j), "model.dropout");
  j = Mini();
  j["version"] = "2.0";
  EXPECT_NAMES(Error(j), "version");
}

TEST(HostileTokenizer, WrongTypesAreNamed) {
  json j = Mini();
  j["pre_tokenizer"] = {{"type", "Sequence"},
                        {"pretokenizers", {{{"type", "Split"}, {"pattern", 1}, {"behavior", "Isolated"}}}}};
  EXPECT_NAMES(Error(j), "pre_tokenizer.pretokenizers[0].pattern: should be");
  j["pre_tokenizer"]["pretokenizers"][0]["pattern"] = {{"Regex", "("}};
  EXPECT_NAMES(Error(j), "pre_tokenizer.pretokenizers[0].pattern: the regular expression");
  j["pre_tokenizer"]["pretokenizers"][0] = {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", "Maybe"}};
  EXPECT_NAMES(Error(j), "pre_tokenizer.pretokenizers[0].behavior: \"Maybe\"");
  j = Mini();
  j["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "ab"}};
  EXPECT_NAMES(Error(j), "pre_tokenizer.replacement: should be a string of one character");
  j = Mini();
  j["added_tokens"] = json::array({AddedToken(26, "<s>")});
  j["added_tokens"][0]["lstrip"] = "yes";
  EXPECT_NAMES(Error(j), "added_tokens[0].lstrip: should be true or false");
  for (const char* section : {"added_tokens", "model"}) {
    j = Mini();
    j[section] = "text";
    EXPECT_NE(Error(j), "no error") << section;
  }
}

TEST(HostileTokenizer, Ids) {
  const std::vector<std::pair<json, std::string>> bad = {
      {-1, "-1"},     {2147483647, "2147483647"}, {4294967296, "4294967296"}, {1.5, "1.5"}, {1e30, "1e+30"},
      {"1", "number"}};
  for (const auto& [id, name] : bad) {
    json j = Mini();
    j["model"]["vocab"]["a"] = id;
    EXPECT_NAMES(Error(j), name);
    j = Mini();
    j["added_tokens"] = json::array({AddedToken(26, "<s>")});
    j["added_tokens"][0]["id"] = id;
    EXPECT_NAMES(Error(j), "added_tokens[0].id");
  }
  json j = Mini();
  j["model"]["vocab"]["a"] = 2;
  EXPECT_NAMES(Error(j), "two tokens have the id 2");
  j = Mini();
  j["added_tokens"] = json::array({AddedToken(30, "<s>")});
  EXPECT_NAMES(Error(j), "added_tokens[0].id: \"<s>\" has 30, but should have 26");
  j["added_tokens"] = json::array({AddedToken(26, "<s>"), AddedToken(26, "</s>")});
  EXPECT_NAMES(Error(j), "added_tokens[1].id: \"</s>\" has 26, but should have 27");
  j["added_tokens"] = json::array({AddedToken(7, "a")});
  EXPECT_NAMES(Error(j), "added_tokens[0].id");
  EXPECT_NAMES(TextError(R"({"model":{"type":"BPE","vocab":{"a":0,"a":1},"merges":[]}})"), "\"a\" is there twice");
}

TEST(HostileTokenizer, SparseIdsCostNoMemory) {
  json j = Mini();
  j["model"]["vocab"]["a"] = 2147483646;
  const auto tokenizer = testing::Parse(j);
  ASSERT_TRUE(tokenizer);
  EXPECT_EQ(tokenizer->vocab_size(), 2147483647);
  EXPECT_EQ(tokenizer->Piece(2147483646), "a");
  EXPECT_EQ(tokenizer->Piece(1), "");
  EXPECT_EQ(*tokenizer->Encode("a"), std::vector<int32_t>{2147483646});
  EXPECT_EQ(*tokenizer->Decode(std::vector<int32_t>{2147483646}), "a");
  EXPECT_FALSE(tokenizer->Decode(std::vector<int32_t>{1}).ok());
}

TEST(HostileTokenizer, Merges) {
  const std::vector<std::pair<json, std::string>> bad = {
      {{"a b", "x a"}, "merges[1]: the token \"x\" is not in model.vocab"},
      {{"a x"}, "merges[0]: the token \"x\""},
      {{"b a"}, "merges[0]: the token \"ba\""},
      {{"ab"}, "merges[0]: \"ab\" should be two tokens with one space between"},
      {{"a b c"}, "one space between"},
      {json::array({json::array({"a"})}), "merges[0]: should be two tokens"},
      {json::array({json::array({"a", "b", "c"})}), "merges[0]: should be two tokens"},
      {json::array({json::array({"a", 1})}), "a string should be here"},
      {{1}, "an array should be here"},
      {"a b", "an array should be here"}};
  for (const auto& [merges, what] : bad) {
    json j = Mini();
    j["model"]["merges"] = merges;
    EXPECT_NAMES(Error(j), what);
  }
  json j = Mini();
  j["model"].erase("merges");
  EXPECT_NAMES(Error(j), "model.merges: is missing");
  j = Mini();
  j["model"].erase("vocab");
  EXPECT_NAMES(Error(j), "model.vocab: is missing");
  j = Mini();
  j.erase("model");
  EXPECT_NAMES(Error(j), "model: is missing");
}

TEST(HostileTokenizer, FieldsInAnyOrder) {
  const auto tokenizer = Tokenizer::Parse(
      R"({"decoder":null,"model":{"merges":[["a","b"],"ab  b"],"vocab":{"b":1,"ab":2,"a":0," b":3,"ab b":4}}})", "x");
  EXPECT_FALSE(tokenizer.ok());
  const auto good = Tokenizer::Parse(
      R"({"decoder":null,"model":{"merges":[["a","b"],["ab"," b"]],"vocab":{"b":1,"ab":2,"a":0," b":3,"ab b":4}}})",
      "x");
  ASSERT_TRUE(good.ok()) << good.status().message();
  EXPECT_EQ(*(*good)->Encode("ab"), std::vector<int32_t>{2});
}

TEST(HostileTokenizer, Json) {
  const std::string good = Mini().dump();
  EXPECT_NAMES(TextError(std::string()), "should be here");
  EXPECT_NAMES(TextError("[]"), "an object should be here");
  EXPECT_NAMES(TextError(good + "x"), "the JSON should end here");
  EXPECT_NAMES(TextError("\xEF\xBB\xBF" + good), "an object should be here");
  EXPECT_NAMES(TextError(good + "\xFF"), "is not UTF-8");
  EXPECT_NAMES(TextError("{\n\n \"model\": tru}"), "line 3, column 11");
  for (const char* bad : {"{\"a\":\"\\ud800\"}",
                          "{\"a\":\"\\udc00\"}",
                          "{\"a\":\"\\ud800\\u0041\"}",
                          "{\"a\":\"\\u12g4\"}",
                          "{\"a\":\"\\x\"}",
                          "{\"a\":\"\n\"}",
                          "{\"a\":01}",
                          "{\"a\":1.}",
                          "{\"a\":.5}",
                          "{\"a\":+1}",
                          "{\"a\":1e}",
                          "{\"a\":nul}",
                          "{\"a\" 1}",
                          "{\"a\":1,}",
                          "{\"a\":[1,]}",
                          "{\"a\":[1 2]}",
                          "{a:1}",
                          "{\"a\":NaN}",
                          "{\"a\":'b'}",
                          "{\"a\":1",
                          "{\"a\":\"b",
                          "{\"a\":\"\\",
                          "{\"a\":\"\\u00",
                          "{",
                          "{\"a\":[[}",
                          "{\"a\":truefalse}",
                          "{\"a\":-}"}) {
    EXPECT_NAMES(TextError(bad), "line 1, column") << bad;
  }
  EXPECT_NAMES(TextError("{\"decoder\":null,\"decoder\":null,\"model\":1}"), "decoder: is there twice");
}

TEST(HostileTokenizer, DeepNesting) {
  const size_t n = 1000000;
  EXPECT_NAMES(TextError("{\"x\":" + std::string(n, '[')), "nested more than 64 deep");
  std::string objects = "{\"normalizer\":";
  for (size_t i = 0; i < n; ++i) objects += "{\"type\":\"Sequence\",\"normalizers\":[";
  EXPECT_NAMES(TextError(objects), "nested more than 64 deep");
  EXPECT_NAMES(TextError("{\"model\":{\"merges\":" + std::string(n, '[')), "nested more than 64 deep");
}

TEST(HostileTokenizer, EveryTruncationIsAnError) {
  json j = Mini();
  j["added_tokens"] = json::array({AddedToken(26, "<s>")});
  j["pre_tokenizer"] = {{"type", "ByteLevel"}};
  const std::string good = j.dump();
  for (size_t n = 0; n < good.size(); ++n) ASSERT_NE(TextError(good.substr(0, n)), "no error") << n;
}

TEST(HostileTokenizer, RandomDamageNeverCrashes) {
  const uint32_t seed = 4;
  std::mt19937 random(seed);
  for (const char* name : {"gpt2_flags", "phi3_flags", "metaspace", "deepseek"}) {
    std::ifstream file(testing::DataPath(std::string("tokenizers/") + name + ".json"));
    const std::string good{std::istreambuf_iterator<char>(file), {}};
    ASSERT_FALSE(good.empty()) << name;
    size_t accepted = 0;
    for (int i = 0; i < 150; ++i) {
      std::string bad = good;
      for (uint32_t n = 1 + random() % 4; n > 0; --n) {
        const size_t at = random() % bad.size();
        switch (random() % 3) {
          case 0:
            bad[at] = static_cast<char>(random());
            break;
          case 1:
            bad.erase(at, 1 + random() % 20);
            break;
          default:
            bad.insert(at, good.substr(random() % good.size(), random() % 20));
        }
      }
      const auto tokenizer = Tokenizer::Parse(bad, "damaged");
      if (!tokenizer.ok()) {
        EXPECT_FALSE(tokenizer.status().message().empty());
        continue;
      }
      ++accepted;
      const auto ids = (*tokenizer)->Encode("Hello <s> w\u00f6rld \U0001F600  123's\n<|user|> ship");
      EXPECT_TRUE(!ids.ok() || (*tokenizer)->Decode(*ids).ok());
    }
    EXPECT_LT(accepted, 150u) << "seed " << seed;
  }
}

TEST(HostileTokenizer, TemplatesWithoutTheirTokens) {
  json j = Mini();
  for (const json& id : {json(26), json(-1), json("a"), json(1e9), json(18446744073709551615u)}) {
    j["post_processor"] = {{"type", "TemplateProcessing"},
                           {"single", {{{"SpecialToken", {{"id", "x"}}}}, {{"Sequence", {{"id", "A"}}}}}},
                           {"special_tokens", {{"x", {{"ids", {id}}}}}}};
    EXPECT_NAMES(Error(j), "post_processor.special_tokens.x.ids: " + id.dump() + " should be the id of a token");
  }
  j["post_processor"]["special_tokens"] = json::object();
  EXPECT_NAMES(Error(j), "\"x\" is not in special_tokens");
  j["post_processor"]["single"] = json::array({{{"Sequence", {{"id", "B"}}}}});
  EXPECT_NAMES(Error(j), "single[0].Sequence.id");
}

TEST(HostileTokenizer, LongAddedTokensAreRefused) {
  json j = Mini();
  j["added_tokens"] = json::array({AddedToken(26, std::string(5000, 'a'))});
  EXPECT_NAMES(Error(j), "added_tokens[0].content: has 5000 bytes");
}

TEST(HostileTokenizer, CatastrophicPatternFailsInEncode) {
  json j = Mini();
  j["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a+)+[^a]"}}}, {"behavior", "Isolated"}};
  const auto tokenizer = testing::Parse(j);
  ASSERT_TRUE(tokenizer);
  const auto ids = tokenizer->Encode(std::string(100000, 'a'));
  ASSERT_FALSE(ids.ok());
  EXPECT_NAMES(ids.status().message(), "mini.json: pre_tokenizer.pattern: the regular expression needs too much");
  EXPECT_TRUE(tokenizer->Encode("aaa").ok());
}

TEST(HostileTokenizer, CombiningMarksAreSortedInTime) {
  json j = Mini();
  j["normalizer"] = {{"type", "NFC"}};
  const auto tokenizer = testing::Parse(j);
  std::string marks = "a";
  for (int i = 0; i < 200000; ++i) marks += i % 2 ? "\u0301" : "\u0316";
  EXPECT_TRUE(tokenizer->Encode(marks).ok());
}

TEST(HostileTokenizer, FilesThatAreNotThere) {
  const auto missing = Tokenizer::Load("/nowhere/tokenizer.json");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::kInvalidInput);
  EXPECT_NAMES(missing.status().message(), "/nowhere/tokenizer.json: cannot be opened");
  EXPECT_FALSE(Tokenizer::Load(testing::DataPath("tokenizers")).ok());
}

}  // namespace
}  // namespace lacuna
