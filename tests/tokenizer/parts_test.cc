// Each normalizer, pre-tokenizer, post-processor and kind of added token by itself. Expectations that are not plain to
// see were checked with tokenizers 0.23.3.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/tokenizer/mini.h"

namespace lacuna {
namespace {

using nlohmann::json;
using testing::AddedToken;
using testing::Mini;
using testing::Pieces;

json With(const char* section, json value) {
  json j = Mini();
  j[section] = std::move(value);
  return j;
}

TEST(TokenizerModel, MergesByRank) {
  EXPECT_EQ(Pieces(Mini(), "abc"), "abc");
  EXPECT_EQ(Pieces(Mini(), "bcab"), "bc|ab");
  EXPECT_EQ(Pieces(Mini(), "aaaaaaa"), "aaaa|aa|a");
  EXPECT_EQ(Pieces(Mini(), "aab"), "a|ab");  // a b has the lowest rank
  EXPECT_EQ(Pieces(Mini(), ""), "");
}

TEST(TokenizerModel, ShortAndLongPiecesGiveTheSame) {
  const auto tokenizer = testing::Parse(Mini());
  ASSERT_TRUE(tokenizer);
  // '-' never merges, so a long piece is its parts one after another.
  std::string text;
  std::vector<int32_t> expected;
  const int32_t dash = *tokenizer->IdOf("-");
  uint32_t state = 99;
  for (int part = 0; part < 200; ++part) {
    std::string word;
    for (int i = 0; i < 30; ++i) word += "abc"[((state = state * 1664525 + 1013904223) >> 24) % 3];
    const auto ids = tokenizer->Encode(word);
    ASSERT_TRUE(ids.ok());
    expected.insert(expected.end(), ids->begin(), ids->end());
    expected.push_back(dash);
    text += word + "-";
  }
  const auto ids = tokenizer->Encode(text);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(*ids, expected);
}

// With byte fallback long pieces are cut where nothing merges.
TEST(TokenizerModel, CutsOfLongPiecesChangeNothing) {
  const auto cut = testing::Parse(Mini(true)), whole = testing::Parse(Mini());
  uint32_t state = 7;
  for (int round = 0; round < 200; ++round) {
    std::string text;
    for (int i = 0; i < 150; ++i) {
      static constexpr const char* kParts[] = {"a", "b", "c", "aa", " ", "\u2581", "\u00e9", "ab", "aaaa"};
      text += kParts[((state = state * 1664525 + 1013904223) >> 20) % 9];
    }
    EXPECT_EQ(*cut->Encode(text), *whole->Encode(text)) << text;
  }
  // A merge that brings a byte into a token rules the cuts out.
  json j = Mini(true);
  j["model"]["vocab"]["a<0xC3>"] = 282;
  j["model"]["merges"].push_back("a <0xC3>");
  EXPECT_EQ(Pieces(j, std::string(60, '-') + "a\u00fc").substr(120), "a<0xC3>|<0xBC>");
}

TEST(TokenizerModel, UnknownCharacters) {
  json j = Mini();
  EXPECT_EQ(Pieces(j, "axyb"), "a|<unk>|<unk>|b");
  j["model"]["fuse_unk"] = true;
  EXPECT_EQ(Pieces(j, "axyb"), "a|<unk>|b");
  j["model"]["unk_token"] = nullptr;
  EXPECT_EQ(Pieces(j, "axyb"), "ab");  // they leave no trace, so their neighbours merge
  EXPECT_EQ(Pieces(Mini(true), "a\u00fcb"), "a|<0xC3>|<0xBC>|b");
  j["model"]["unk_token"] = "nowhere";
  EXPECT_NE(Pieces(j, "x").find("model.unk_token"), std::string::npos);
  EXPECT_EQ(Pieces(j, "ab"), "ab");
}

TEST(TokenizerModel, IgnoreMergesTakesWholePieces) {
  json j = With("pre_tokenizer", {{"type", "WhitespaceSplit"}});
  j["model"]["merges"] = json::array();
  EXPECT_EQ(Pieces(j, "abc ab"), "a|b|c|a|b");
  j["model"]["ignore_merges"] = true;
  EXPECT_EQ(Pieces(j, "abc ab"), "abc|ab");
}

TEST(TokenizerModel, PrefixAndSuffixOfWords) {
  json j = Mini();
  j["model"]["vocab"] = {{"a", 0}, {"##b", 1}, {"##c</w>", 2}, {"a</w>", 3}, {"ab", 4}, {"abc</w>", 5}};
  j["model"]["merges"] = {"a ##b", "ab ##c</w>"};
  j["model"]["unk_token"] = nullptr;
  j["model"]["continuing_subword_prefix"] = "##";
  j["model"]["end_of_word_suffix"] = "</w>";
  EXPECT_EQ(Pieces(j, "abc"), "abc</w>");
  EXPECT_EQ(Pieces(j, "a"), "a</w>");
  j["decoder"] = {{"type", "BPEDecoder"}, {"suffix", "</w>"}};
  const auto tokenizer = testing::Parse(j);
  EXPECT_EQ(*tokenizer->Decode(std::vector<int32_t>{3, 5, 3}), "a abc a");
}

TEST(TokenizerNormalizer, Each) {
  const std::vector<std::tuple<json, std::string, std::string>> cases = {
      {{{"type", "Prepend"}, {"prepend", "\u2581"}}, "bc", "\u2581|bc"},
      {{{"type", "Prepend"}, {"prepend", "\u2581"}}, "", ""},
      {{{"type", "Replace"}, {"pattern", {{"String", "dd"}}}, {"content", "ab"}}, "ddd", "ab|d"},
      {{{"type", "Replace"}, {"pattern", {{"Regex", "d+"}}}, {"content", "$0"}}, "dd", "<unk>|<unk>"},
      {{{"type", "NFC"}}, "e\u0301", "\u00e9"},
      {{{"type", "NFD"}}, "\u00e9", "e|\u0301"},
      {{{"type", "NFKC"}}, "\uff21\u00b2", "A|2"},
      {{{"type", "NFKD"}}, "\u00b9\u00e9", "1|e|\u0301"},
      {{{"type", "Lowercase"}}, "AB\u00c9", "ab|\u00e9"},
      {{{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}}, " \t\u3000a ", "a| "},
      {{{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}}, " a \n", " |a"},
      {{{"type", "Strip"}, {"strip_left", true}, {"strip_right", true}}, " \n ", ""},
      {{{"type", "Sequence"}, {"normalizers", {{{"type", "NFD"}}, {{"type", "StripAccents"}}}}}, "\u00e9a", "e|a"},
      {{{"type", "ByteLevel"}}, " a", "\u0120|a"},
  };
  for (const auto& [normalizer, text, expected] : cases) {
    EXPECT_EQ(Pieces(With("normalizer", normalizer), text), expected) << normalizer.dump();
  }
}

TEST(TokenizerPreTokenizer, Each) {
  const auto split = [](const char* kind, const char* pattern, const char* behavior, bool invert) {
    return json{{"type", "Split"}, {"pattern", {{kind, pattern}}}, {"behavior", behavior}, {"invert", invert}};
  };
  const auto metaspace = [](const char* scheme, bool cut) {
    return json{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", scheme}, {"split", cut}};
  };
  // The model joins a a and b c, so a cut shows where letters stay apart.
  const std::vector<std::tuple<json, std::string, std::string>> cases = {
      {split("String", "a", "Removed", false), "bacab", "b|c|b"},
      {split("String", "a", "Isolated", false), "aab", "a|a|b"},
      {split("String", "c", "MergedWithPrevious", false), "abcab", "abc|ab"},
      {split("String", "b", "MergedWithNext", false), "abbcaa", "a|b|bc|aa"},
      {split("String", "a", "Contiguous", false), "aaaab", "aaaa|b"},
      {split("Regex", "[a-b]+", "Removed", true), "abcdab", "ab|ab"},
      {split("Regex", "a(?=b)", "Isolated", false), "aab", "a|a|b"},
      {split("Regex", "x*", "Isolated", false), "abc", "a|b|c"},
      {metaspace("always", true), "a a", "\u2581a|\u2581a"},
      {metaspace("never", true), "a a", "a|\u2581a"},
      {metaspace("first", false), " a", "\u2581a"},
      {{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"add_prefix_space", false}}, "a a", "a|\u2581a"},
      {{{"type", "Metaspace"}, {"replacement", "\u2581"}, {"add_prefix_space", true}, {"str_rep", "\u2581"}},
       "a",
       "\u2581a"},
      {{{"type", "Digits"}, {"individual_digits", true}}, "a12", "a|1|2"},
      {{{"type", "Punctuation"}}, "ab.,c", "ab|.|,|c"},
      {{{"type", "Punctuation"}, {"behavior", "Removed"}}, "ab.,c", "ab|c"},
      {{{"type", "Whitespace"}}, "ab  c-,d", "ab|c|-|,|d"},
      {{{"type", "WhitespaceSplit"}}, "ab \u2003c", "ab|c"},
      {{{"type", "CharDelimiterSplit"}, {"delimiter", "-"}}, "a-b", "a|b"},
      {{{"type", "ByteLevel"}, {"add_prefix_space", true}, {"use_regex", false}}, "a", "\u0120|a"},
      {{{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}, "a,b  c", "a|,|b|\u0120|\u0120|c"},
      {{{"type", "Sequence"},
        {"pretokenizers", {{{"type", "WhitespaceSplit"}}, split("String", "b", "Isolated", false)}}},
       "abc ab",
       "a|b|c|a|b"},
  };
  for (const auto& [pre, text, expected] : cases) {
    EXPECT_EQ(Pieces(With("pre_tokenizer", pre), text), expected) << pre.dump() << " of " << text;
  }
}

TEST(TokenizerPreTokenizer, FirstMeansTheStartOfTheInput) {
  json j = With("pre_tokenizer",
                {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", true}});
  j["added_tokens"] = json::array({AddedToken(26, "<s>")});
  EXPECT_EQ(Pieces(j, "a<s>a"), "\u2581a|<s>|a");
  EXPECT_EQ(Pieces(j, "<s>a"), "<s>|a");
}

TEST(TokenizerPostProcessor, Each) {
  json j = Mini();
  j["added_tokens"] = json::array({AddedToken(26, "<s>"), AddedToken(27, "</s>")});
  const json item = {{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}}, text = {{"Sequence", {{"id", "A"}}}};
  const json special = {{"<s>", {{"id", "<s>"}, {"ids", {26, 27}}, {"tokens", {"<s>", "</s>"}}}}};
  const json templ = {{"type", "TemplateProcessing"}, {"single", {item, text}}, {"special_tokens", special}};
  j["post_processor"] = templ;
  EXPECT_EQ(Pieces(j, "ab"), "<s>|</s>|ab");
  const auto tokenizer = testing::Parse(j);
  EXPECT_EQ(*tokenizer->Encode("ab", false), (std::vector<int32_t>{20}));
  EXPECT_EQ(*tokenizer->Encode("<s>ab", false), (std::vector<int32_t>{26, 20}));
  j["post_processor"] = {{"type", "Sequence"},
                         {"processors", {{{"type", "ByteLevel"}, {"trim_offsets", true}}, templ}}};
  EXPECT_EQ(Pieces(j, ""), "<s>|</s>");
  j["post_processor"] = {{"type", "RobertaProcessing"}, {"cls", {"<s>", 26}}, {"sep", {"</s>", 27}}};
  EXPECT_EQ(Pieces(j, "ab"), "<s>|ab|</s>");
}

TEST(TokenizerAddedTokens, FlagsAndLongestMatch) {
  json j = Mini();
  json left = AddedToken(26, "<l>"), right = AddedToken(27, "<r>"), word = AddedToken(28, "dd");
  left["lstrip"] = true;
  right["rstrip"] = true;
  word["single_word"] = true;
  j["added_tokens"] = json::array({left, right, word, AddedToken(29, "<l><r>"), AddedToken(30, "<")});
  EXPECT_EQ(Pieces(j, "a \u00a0<l> b"), "a|<l>| |b");
  EXPECT_EQ(Pieces(j, "a <r> \n b"), "a| |<r>|b");
  EXPECT_EQ(Pieces(j, "a<l><r>b"), "a|<l><r>|b");
  EXPECT_EQ(Pieces(j, "<l"), "<|<unk>");
  EXPECT_EQ(Pieces(j, "dd add dd, dd_dd"), "dd| |a|d|d| |dd|,| |d|d|_|d|d");
}

TEST(TokenizerAddedTokens, NormalizedOnesAreFoundInNormalizedText) {
  json j = With("normalizer", {{"type", "Lowercase"}});
  json raw = AddedToken(26, "AA"), normalized = AddedToken(27, "BB");
  normalized["normalized"] = true;
  normalized["special"] = false;
  j["added_tokens"] = json::array({raw, normalized});
  EXPECT_EQ(Pieces(j, "AAaaBBbb"), "AA|aa|BB|BB");
}

TEST(TokenizerAddedTokens, NormalizerRunsBetweenThem) {
  json j = With("normalizer", {{"type", "Prepend"}, {"prepend", "\u2581"}});
  j["added_tokens"] = json::array({AddedToken(26, "<s>")});
  EXPECT_EQ(Pieces(j, "a<s>a"), "\u2581a|<s>|\u2581a");
}

TEST(Tokenizer, AnswersAboutTheVocabulary) {
  json j = Mini(true);
  j["added_tokens"] = json::array({AddedToken(282, "<s>")});
  const auto tokenizer = testing::Parse(j);
  EXPECT_EQ(tokenizer->vocab_size(), 283);
  EXPECT_EQ(tokenizer->Piece(282), "<s>");
  EXPECT_EQ(tokenizer->Piece(1), "a");
  EXPECT_EQ(tokenizer->Piece(283), "");
  EXPECT_EQ(tokenizer->Piece(-1), "");
  EXPECT_EQ(tokenizer->IdOf("abc"), 21);
  EXPECT_EQ(tokenizer->IdOf("<s>"), 282);
  EXPECT_EQ(tokenizer->IdOf("nothing"), std::nullopt);
  EXPECT_TRUE(tokenizer->IsSpecial(282));
  EXPECT_FALSE(tokenizer->IsSpecial(1));
  EXPECT_EQ(tokenizer->kind(), "BPE (byte fallback)");
  j["pre_tokenizer"] = {{"type", "ByteLevel"}};
  EXPECT_EQ(testing::Parse(j)->kind(), "BPE (byte-level)");
}

TEST(Tokenizer, InvalidUtf8CountsAsReplacementCharacters) {
  const auto tokenizer = testing::Parse(Mini(true));
  EXPECT_EQ(*tokenizer->Encode("a\xFF\xE2\x82z"), *tokenizer->Encode("a\uFFFD\uFFFDz"));
  EXPECT_EQ(*tokenizer->Encode("\xF0\x9F\x98"), *tokenizer->Encode("\uFFFD"));
  EXPECT_EQ(*tokenizer->Encode("\xED\xA0\x80"), *tokenizer->Encode("\uFFFD\uFFFD\uFFFD"));
}

}  // namespace
}  // namespace lacuna
