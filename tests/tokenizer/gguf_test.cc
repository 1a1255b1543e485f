// Tokenizers in GGUF metadata: byte-level ones against the same tokenizer.json, scored ones against SentencePiece's
// rule written down naively, real vocabularies against llama.cpp's ids, and hostile ones.
#include "tokenizer/gguf_tokenizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "lacuna/chat.h"
#include "lacuna/tokenizer.h"
#include "tests/support/gguf_text.h"
#include "tests/support/paths.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using testing::GgufText;

Result<std::optional<std::string>> Json(const GgufText& text) {
  const std::string bytes = text.Text();
  GgufMetadata metadata;
  std::vector<Tensor> tensors;
  const Status status = ParseGguf(std::as_bytes(std::span(bytes)), "f.gguf", &metadata, &tensors);
  EXPECT_TRUE(status.ok()) << status.message();
  return GgufTokenizerJson(GgufReader("f.gguf", metadata));
}

std::shared_ptr<const Tokenizer> Make(const GgufText& text) {
  const auto json = Json(text);
  EXPECT_TRUE(json.ok()) << json.status().message();
  if (!json.ok() || !*json) return nullptr;
  const auto tokenizer = Tokenizer::Parse(**json, "f.gguf");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

std::string Failure(const GgufText& text) {
  const auto json = Json(text);
  if (json.ok()) {
    EXPECT_TRUE(json->has_value());
    const auto tokenizer = Tokenizer::Parse(**json, "f.gguf");
    EXPECT_FALSE(tokenizer.ok());
    return tokenizer.status().message();
  }
  EXPECT_EQ(json.status().code(), StatusCode::kInvalidInput);
  EXPECT_TRUE(json.status().message().starts_with("f.gguf: ")) << json.status().message();
  return json.status().message();
}

// The metadata that a converter would write of a byte-level tokenizer.json.
GgufText Convert(const nlohmann::json& json, const std::string& pre) {
  std::map<int, std::string> tokens;
  std::map<int, int> types;
  for (const auto& [piece, id] : json["model"]["vocab"].items()) tokens[id] = piece;
  for (const auto& added : json["added_tokens"]) {
    tokens[added["id"]] = added["content"];
    types[added["id"]] = added["special"].get<bool>() ? 3 : 4;
  }
  std::vector<std::string> list, merges;
  std::vector<int32_t> kinds;
  for (const auto& [id, token] : tokens) {
    EXPECT_EQ(static_cast<size_t>(id), list.size()) << "ids are dense";
    list.push_back(token);
    kinds.push_back(types.count(id) ? types[id] : 1);
  }
  for (const auto& merge : json["model"]["merges"])
    merges.push_back(merge.is_string() ? merge.get<std::string>()
                                       : merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  GgufText text;
  text.String("tokenizer.ggml.model", "gpt2")
      .String("tokenizer.ggml.pre", pre)
      .Strings("tokenizer.ggml.tokens", list)
      .I32s("tokenizer.ggml.token_type", kinds)
      .Strings("tokenizer.ggml.merges", merges);
  return text;
}

struct ByteLevelCase {
  const char *name, *pre;
  int bos, eos;  // ids that the post-processor adds, or -1
};

class GgufByteLevel : public ::testing::TestWithParam<ByteLevelCase> {};

TEST_P(GgufByteLevel, GivesTheIdsOfTheSameTokenizerJson) {
  const auto& [name, pre, bos, eos] = GetParam();
  const std::string base = testing::DataPath(std::string("tokenizers/") + name);
  const nlohmann::json json = nlohmann::json::parse(testing::ReadAll(base + ".json"));
  GgufText text = Convert(json, pre);
  text.Bool("tokenizer.ggml.add_bos_token", bos >= 0).Bool("tokenizer.ggml.add_eos_token", eos >= 0);
  if (bos >= 0) text.U32("tokenizer.ggml.bos_token_id", static_cast<uint32_t>(bos));
  if (eos >= 0) text.U32("tokenizer.ggml.eos_token_id", static_cast<uint32_t>(eos));
  const auto tokenizer = Make(text);
  ASSERT_TRUE(tokenizer);
  const nlohmann::json cases = nlohmann::json::parse(testing::ReadAll(base + ".cases.json"));
  ASSERT_GT(cases["encode"].size(), 20u);
  for (const auto& c : cases["encode"]) {
    const std::string input = c["text"];
    const auto ids = tokenizer->Encode(input, true);
    const auto plain = tokenizer->Encode(input, false);
    ASSERT_TRUE(ids.ok() && plain.ok());
    EXPECT_EQ(*ids, c["ids"].get<std::vector<int32_t>>()) << input;
    EXPECT_EQ(*plain, c.value("ids_plain", c["ids"]).get<std::vector<int32_t>>()) << input;
    EXPECT_EQ(*tokenizer->Decode(*ids, false), c.value("decoded_all", c.value("decoded", input)));
  }
}

INSTANTIATE_TEST_SUITE_P(Names, GgufByteLevel,
                         ::testing::Values(ByteLevelCase{"gpt2", "gpt-2", -1, -1},
                                           ByteLevelCase{"llama3", "llama-bpe", 937, -1},
                                           ByteLevelCase{"qwen2", "qwen2", -1, -1},
                                           ByteLevelCase{"o200k", "gpt-4o", 1, 2},
                                           ByteLevelCase{"starcoder", "starcoder", -1, -1},
                                           ByteLevelCase{"deepseek", "deepseek-v3", 936, -1}),
                         [](const auto& info) { return std::string(info.param.name); });

// SentencePiece's rule: of all neighbours whose text together is a normal token, the one with the highest score, the
// leftmost of equals.
std::vector<int32_t> Naive(const std::vector<std::string>& tokens, const std::vector<float>& scores,
                           const std::string& text) {
  std::vector<std::string> symbols;
  for (const char c : text) symbols.emplace_back(1, c);
  const auto find = [&](const std::string& piece) {
    return static_cast<int32_t>(std::find(tokens.begin() + 1, tokens.end(), piece) - tokens.begin());
  };
  const auto none = static_cast<int32_t>(tokens.size());
  while (true) {
    int best = -1;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const int32_t id = find(symbols[i] + symbols[i + 1]);
      if (id == none) continue;
      if (best < 0 || scores[static_cast<size_t>(id)] >
                          scores[static_cast<size_t>(
                              find(symbols[static_cast<size_t>(best)] + symbols[static_cast<size_t>(best) + 1]))])
        best = static_cast<int>(i);
    }
    if (best < 0) break;
    symbols[static_cast<size_t>(best)] += symbols[static_cast<size_t>(best) + 1];
    symbols.erase(symbols.begin() + best + 1);
  }
  std::vector<int32_t> ids;
  for (const std::string& symbol : symbols) ids.push_back(find(symbol));
  return ids;
}

TEST(GgufScored, MergesByScoreAndLeftmostOfEqualsAsSentencePiece) {
  const uint32_t seed = 4;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int with_choice = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> tokens = {"<unk>", "a", "b", "c"};
    std::vector<float> scores = {0, -100, -100, -100};
    for (int i = 0; i < 40; ++i) {
      const std::string piece = tokens[1 + random() % (tokens.size() - 1)] + tokens[1 + random() % (tokens.size() - 1)];
      if (piece.size() > 6 || std::find(tokens.begin(), tokens.end(), piece) != tokens.end()) continue;
      tokens.push_back(piece);
      scores.push_back(-static_cast<float>(random() % 8));  // many ties
    }
    std::vector<int32_t> types(tokens.size(), 1);
    types[0] = 2;
    GgufText text;
    text.String("tokenizer.ggml.model", "llama")
        .Strings("tokenizer.ggml.tokens", tokens)
        .F32s("tokenizer.ggml.scores", scores)
        .I32s("tokenizer.ggml.token_type", types)
        .Bool("tokenizer.ggml.add_bos_token", false)
        .Bool("tokenizer.ggml.add_space_prefix", false);
    const auto tokenizer = Make(text);
    ASSERT_TRUE(tokenizer);
    for (const int length : {1, 5, 30, 47, 48, 49, 120}) {  // both ways of merging
      std::string input;
      for (int i = 0; i < length; ++i) input += static_cast<char>('a' + random() % 3);
      const auto ids = tokenizer->Encode(input);
      ASSERT_TRUE(ids.ok()) << ids.status().message();
      EXPECT_EQ(*ids, Naive(tokens, scores, input)) << input;
      with_choice += ids->size() > 1;
    }
  }
  EXPECT_GT(with_choice, 200);
}

GgufText SmallScored() {
  GgufText text;
  text.String("tokenizer.ggml.model", "llama")
      .Strings("tokenizer.ggml.tokens",
               {"<unk>", "<s>", "</s>", "<0x0A>", "\u2581", "a", "b", "ab", "\u2581a", "[X]", "<0xC3>", "<0xA9>"})
      .F32s("tokenizer.ggml.scores", {0, 0, 0, 0, -9, -9, -9, -1, -2, 0, 0, 0})
      .I32s("tokenizer.ggml.token_type", {2, 3, 3, 6, 1, 1, 1, 1, 1, 4, 6, 6})
      .U32("tokenizer.ggml.bos_token_id", 1)
      .U32("tokenizer.ggml.eos_token_id", 2);
  return text;
}

TEST(GgufScored, BosPrefixBytesAndAddedTokens) {
  const auto tokenizer = Make(SmallScored());
  ASSERT_TRUE(tokenizer);
  // The prefix stands before each stretch of text; "ab" (-1) goes before "\u2581a" (-2).
  EXPECT_EQ(*tokenizer->Encode("ab"), (std::vector<int32_t>{1, 4, 7}));
  EXPECT_EQ(*tokenizer->Encode("a[X]b</s>"), (std::vector<int32_t>{1, 8, 9, 4, 6, 2}));
  EXPECT_EQ(*tokenizer->Encode("\n\u00e9", false), (std::vector<int32_t>{4, 3, 10, 11}));
  EXPECT_EQ(*tokenizer->Decode(std::vector<int32_t>{1, 4, 7, 10, 11, 9, 2}, true), "ab\u00e9[X]");
  EXPECT_TRUE(tokenizer->IsSpecial(2));
  EXPECT_FALSE(tokenizer->IsSpecial(9));
  EXPECT_EQ(tokenizer->kind(), "BPE (byte fallback)");
}

TEST(GgufTokenizer, ChatTemplatesAndTheirTokens) {
  const testing::TempDir dir;
  GgufText text = SmallScored();
  text.String("tokenizer.chat_template", "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}");
  const auto one = ChatTemplate::Load(dir.Write("one.gguf", text.Text()));
  ASSERT_TRUE(one.ok() && *one) << one.status().message();
  const auto chat = (*one)->Render(std::string_view(R"([{"role":"user","content":"hi"}])"));
  ASSERT_TRUE(chat.ok()) << chat.status().message();
  EXPECT_EQ(chat->text, "<s>hi</s>");
  text.Strings("tokenizer.chat_templates", {"tool_use"}).String("tokenizer.chat_template.tool_use", "with tools");
  const auto two = ChatTemplate::Load(dir.Write("two.gguf", text.Text()));
  ASSERT_TRUE(two.ok() && *two) << two.status().message();
  const auto tools = (*two)->Render(std::string_view(R"({"messages":[],"tools":[{}]})"));
  ASSERT_TRUE(tools.ok()) << tools.status().message();
  EXPECT_EQ(tools->text, "with tools");
  const auto none = ChatTemplate::Load(dir.Write("none.gguf", SmallScored().Text()));
  ASSERT_TRUE(none.ok());
  EXPECT_EQ(*none, nullptr);
}

TEST(GgufTokenizer, NoTokenizerIsNoError) {
  EXPECT_FALSE(Json(GgufText().U32("x", 1))->has_value());
  EXPECT_FALSE(Json(GgufText().String("tokenizer.ggml.model", "no_vocab"))->has_value());
}

TEST(GgufTokenizer, HostileVocabulariesNameTheKey) {
  const auto scored = [](std::vector<std::string> tokens, std::vector<float> scores, std::vector<int32_t> types) {
    GgufText text;
    text.String("tokenizer.ggml.model", "llama");
    if (!tokens.empty()) text.Strings("tokenizer.ggml.tokens", tokens);
    if (!scores.empty()) text.F32s("tokenizer.ggml.scores", scores);
    if (!types.empty()) text.I32s("tokenizer.ggml.token_type", types);
    return text;
  };
  EXPECT_EQ(Failure(GgufText().String("tokenizer.ggml.model", "bert")),
            "f.gguf: `tokenizer.ggml.model` is \"bert\"; vocabularies of type gpt2 and llama are supported");
  EXPECT_EQ(Failure(scored({}, {}, {})), "f.gguf: `tokenizer.ggml.tokens` is missing from the metadata");
  EXPECT_EQ(Failure(scored({"a", "b"}, {}, {1, 1})), "f.gguf: `tokenizer.ggml.scores` is missing from the metadata");
  EXPECT_EQ(Failure(scored({"a", "b"}, {1}, {1, 1})),
            "f.gguf: `tokenizer.ggml.scores` has 1 entries; there must be one for each of 2 tokens");
  EXPECT_EQ(Failure(scored({"a", "b"}, {1, NAN}, {1, 1})),
            "f.gguf: `tokenizer.ggml.scores` is not finite for the id 1");
  EXPECT_EQ(Failure(scored({"a", "b"}, {1, 2}, {1})),
            "f.gguf: `tokenizer.ggml.token_type` has 1 entries; there must be one for each of 2 tokens");
  EXPECT_EQ(Failure(scored({"a", "b"}, {1, 2}, {1, 9})),
            "f.gguf: `tokenizer.ggml.token_type` has 9 for the id 1; types are 1 to 6");
  EXPECT_EQ(Failure(scored({"a", "a"}, {1, 2}, {1, 1})), "f.gguf: model.vocab: the token \"a\" is there twice");
  EXPECT_EQ(Failure(scored({"a", "\xff"}, {1, 2}, {1, 1})),
            "f.gguf: `tokenizer.ggml.tokens` has a token that is no UTF-8, with the id 1");
  EXPECT_EQ(Failure(scored({"a", std::string(5000, 'a')}, {1, 2}, {1, 1})),
            "f.gguf: model.vocab: the token 1 has 5000 bytes; with a score it may have 4096");
  EXPECT_NE(Failure(scored({"a", "b"}, {1, 2}, {1, 1}).U32("tokenizer.ggml.bos_token_id", 2))
                .find("`tokenizer.ggml.bos_token_id` is 2; it must be a whole number from 0 to 1"),
            std::string::npos);
  EXPECT_NE(Failure(scored({"a", "b"}, {1, 2}, {1, 1}).Bool("tokenizer.ggml.add_eos_token", true))
                .find("`tokenizer.ggml.add_eos_token` is true, but eos_token_id is missing"),
            std::string::npos);
  const auto gpt2 = [](std::vector<std::string> merges) {
    GgufText text;
    text.String("tokenizer.ggml.model", "gpt2").Strings("tokenizer.ggml.tokens", {"a", "b", "ab", "aba"});
    text.Strings("tokenizer.ggml.merges", merges);
    return text;
  };
  EXPECT_NE(Failure(gpt2({"a b"})).find("`tokenizer.ggml.pre` is missing"), std::string::npos);
  EXPECT_NE(Failure(gpt2({"a b"}).String("tokenizer.ggml.pre", "nonsense"))
                .find("`tokenizer.ggml.pre` is \"nonsense\"; supported are gpt-2"),
            std::string::npos);
  EXPECT_NE(Failure(gpt2({"a b", "ab"}).String("tokenizer.ggml.pre", "gpt-2"))
                .find("`tokenizer.ggml.merges` has an entry 1 that is no UTF-8 or has no space"),
            std::string::npos);
  EXPECT_NE(Failure(gpt2({"a c"}).String("tokenizer.ggml.pre", "gpt-2")).find("the token \"c\" is not in model.vocab"),
            std::string::npos);
}

TEST(GgufTokenizer, MergesThatNameEachOtherEnd) {
  GgufText text;
  text.String("tokenizer.ggml.model", "gpt2")
      .String("tokenizer.ggml.pre", "gpt-2")
      .Strings("tokenizer.ggml.tokens", {"a", "aa", "aaa", "aaaa"})
      .Strings("tokenizer.ggml.merges", {"aa a", "a aa", "a a", "aa aa", "a a", "aa a"});
  const auto tokenizer = Make(text);
  ASSERT_TRUE(tokenizer);
  const auto ids = tokenizer->Encode(std::string(1000, 'a'));
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(tokenizer->Decode(*ids).value(), std::string(1000, 'a'));
}

// The texts of llama.cpp's .inp files: separated by "\n__ggml_vocab_test__\n"; .out has a line of ids for each.
void CheckRealVocabulary(const std::string& name) {
  const std::string base = testing::SharedData() + "/tokenizers/ggml-vocab-" + name + ".gguf";
  const auto file = GgufFile::Open(base);
  ASSERT_TRUE(file.ok()) << file.status().message();
  const auto json = GgufTokenizerJson(file->metadata());
  ASSERT_TRUE(json.ok() && json->has_value()) << json.status().message();
  const auto tokenizer = Tokenizer::Parse(**json, base);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  const std::string all = testing::ReadAll(base + ".inp"), mark = "\n__ggml_vocab_test__\n";
  std::istringstream lines(testing::ReadAll(base + ".out"));
  int count = 0;
  size_t begin = 0;
  for (size_t at; (at = all.find(mark, begin)) != std::string::npos; begin = at + mark.size(), ++count) {
    const std::string text = all.substr(begin, at - begin);
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    std::istringstream numbers(line);
    const std::vector<int32_t> expected(std::istream_iterator<int32_t>(numbers), {});
    const auto ids = (*tokenizer)->Encode(text, false);
    ASSERT_TRUE(ids.ok()) << ids.status().message();
    EXPECT_EQ(*ids, expected) << "text " << count << ": " << text;
    EXPECT_EQ(*(*tokenizer)->Decode(*ids, false), text);
  }
  EXPECT_EQ(count, 46);
}

TEST(GgufRealVocabularies, Gpt2) {
  LACUNA_NEEDS_SHARED_DATA();
  CheckRealVocabulary("gpt-2");
}

TEST(GgufRealVocabularies, LlamaSpm) {
  LACUNA_NEEDS_SHARED_DATA();
  CheckRealVocabulary("llama-spm");
}

TEST(GgufRealVocabularies, Phi3) {
  LACUNA_NEEDS_SHARED_DATA();
  CheckRealVocabulary("phi-3");
}

}  // namespace
}  // namespace lacuna
