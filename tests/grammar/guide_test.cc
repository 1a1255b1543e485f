// Masks over a vocabulary: token by token they allow what the grammar allows byte by byte.
#include "grammar/guide.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <random>

#include "tests/tokenizer/mini.h"

namespace lacuna {
namespace {

// A byte-level vocabulary: every printable ASCII character, some words and parts of characters.
class GuideTest : public ::testing::Test {
 protected:
  GuideTest() {
    nlohmann::json json = testing::Mini(true);
    nlohmann::json& vocab = json["model"]["vocab"] = nlohmann::json::object();
    for (char c = '!'; c <= '~'; ++c) Add(vocab, std::string(1, c));
    for (const char* piece :
         {"Ġ", "Ċ", "true", "false", "null", "\":", "\",", "{\"", "]}", "Ã", "©", "ab", "abc", "Ġab"})
      Add(vocab, piece);
    json["model"]["merges"] = nlohmann::json::array();
    json["model"]["byte_fallback"] = false;
    json["decoder"] = {{"type", "ByteLevel"}};
    json["added_tokens"] = nlohmann::json::array({testing::AddedToken(static_cast<int>(vocab.size()), "<end>")});
    end_ = static_cast<int32_t>(vocab.size());
    tokenizer_ = testing::Parse(json);
    bytes_.emplace(*tokenizer_, end_ + 3);  // the model's vocabulary has ids that the tokenizer lacks
    order_.emplace(*bytes_);
  }
  void Add(nlohmann::json& vocab, const std::string& piece) {
    const size_t id = vocab.size();
    vocab[piece] = id;
  }
  int32_t Id(const std::string& piece) const { return tokenizer_->IdOf(piece).value_or(-1); }
  Guide Make(const std::string& gbnf) {
    auto grammar = Grammar::Parse(gbnf);
    EXPECT_TRUE(grammar.ok()) << grammar.status().message();
    return Guide(*grammar, *order_, {end_});
  }
  std::vector<std::string> Allowed(Guide& guide) {
    const auto mask = guide.Allowed();
    EXPECT_TRUE(mask.ok()) << mask.status().message();
    std::vector<std::string> pieces;
    for (int32_t id = 0; mask.ok() && !mask->empty() && id < bytes_->size(); ++id) {
      if ((*mask)[static_cast<size_t>(id) / 64] >> (id % 64) & 1)
        pieces.emplace_back(id == end_ ? "<end>" : tokenizer_->Piece(id));
    }
    std::sort(pieces.begin(), pieces.end());
    return pieces;
  }

  int32_t end_ = 0;
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::optional<TokenBytes> bytes_;
  std::optional<VocabOrder> order_;
};

using Pieces = std::vector<std::string>;

TEST_F(GuideTest, TokensOfSeveralBytesAndTheEnd) {
  Guide guide = Make("root ::= \"ab\" \"c\"?");
  EXPECT_EQ(Allowed(guide), (Pieces{"a", "ab", "abc"}));
  guide.Accept(Id("ab"));
  EXPECT_EQ(Allowed(guide), (Pieces{"<end>", "c"}));
  EXPECT_FALSE(guide.AtEnd());
  guide.Accept(Id("c"));
  EXPECT_TRUE(guide.AtEnd());
  EXPECT_EQ(Allowed(guide), (Pieces{"<end>"}));
  guide.Restart();
  guide.Accept(Id("a"));
  EXPECT_EQ(Allowed(guide), (Pieces{"b"}));
}

TEST_F(GuideTest, CharactersInSeveralTokens) {
  Guide guide = Make("root ::= \"é\" [^x]");
  EXPECT_EQ(Allowed(guide), (Pieces{"Ã"}));
  guide.Accept(Id("Ã"));
  EXPECT_EQ(Allowed(guide), (Pieces{"©"}));
  guide.Accept(Id("©"));
  const Pieces last = Allowed(guide);
  EXPECT_TRUE(std::count(last.begin(), last.end(), "Ã"));  // begins a character
  EXPECT_FALSE(std::count(last.begin(), last.end(), "©"));
  EXPECT_FALSE(std::count(last.begin(), last.end(), "x"));
}

TEST_F(GuideTest, NoTokenToGoOnWithIsAnError) {
  Guide guide = Make("root ::= \"a\" \"😀\"");
  guide.Accept(Id("a"));
  const auto mask = guide.Allowed();
  ASSERT_FALSE(mask.ok());
  EXPECT_NE(mask.status().message().find("no token of the model's vocabulary"), std::string::npos);
}

TEST_F(GuideTest, WithoutEndTokensTheTextEndsByItself) {
  Guide guide(*Grammar::Parse("root ::= \"a\" (\"b\" \"😀\")?"), *order_, {});
  guide.Accept(Id("a"));
  EXPECT_EQ(Allowed(guide), (Pieces{"b"}));
  Guide other(*Grammar::Parse("root ::= \"a\" \"😀\"?"), *order_, {});
  other.Accept(Id("a"));
  const auto mask = other.Allowed();
  ASSERT_TRUE(mask.ok());
  EXPECT_TRUE(mask->empty());
}

// Random walks: a token is allowed exactly where the grammar's own test of the longer text says so.
TEST_F(GuideTest, MasksAgreeWithTheTestOfTexts) {
  const auto json = Grammar::FromJsonSchema("true");
  ASSERT_TRUE(json.ok());
  std::mt19937 random(5);
  Guide guide(*json, *order_, {end_});
  for (int round = 0; round < 20; ++round) {
    guide.Restart();
    std::string text;
    for (int step = 0; step < 25; ++step) {
      const auto mask = guide.Allowed();
      ASSERT_TRUE(mask.ok());
      std::vector<int32_t> ids;
      for (int32_t id = 0; id < bytes_->size(); ++id) {
        const bool allowed = ((*mask)[static_cast<size_t>(id) / 64] >> (id % 64) & 1) != 0;
        if (id == end_) {
          EXPECT_EQ(allowed, *(*json)->Test(text) == Grammar::Match::kWhole) << text;
          continue;
        }
        const bool fits =
            !(*bytes_)[id].empty() && *(*json)->Test(text + std::string((*bytes_)[id])) != Grammar::Match::kNo;
        ASSERT_EQ(allowed, fits) << text << " + " << tokenizer_->Piece(id);
        if (allowed) ids.push_back(id);
      }
      if (ids.empty()) break;
      const int32_t id = ids[random() % ids.size()];
      text += (*bytes_)[id];
      guide.Accept(id);
    }
  }
}

TEST_F(GuideTest, ShrinkingForgetsNothingThatMatters) {
  const auto grammar = Grammar::Parse("root ::= \"(\" root \")\" | \"[\" root \"]\" | \"x\"");
  ASSERT_TRUE(grammar.ok());
  Machine whole((*grammar)->bytes()), shrunk((*grammar)->bytes());
  Machine::State a = whole.start(), b = shrunk.start();
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < 300; ++i) text += random() % 2 ? '(' : '[';
  const size_t middle = text.size();
  text += 'x';
  for (size_t i = middle; i-- > 0;) text += text[i] == '(' ? ')' : ']';
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 7 == 0) b = shrunk.Shrink(b);
    a = whole.Step(a, static_cast<uint8_t>(text[i]));
    b = shrunk.Step(b, static_cast<uint8_t>(text[i]));
    ASSERT_NE(b, Machine::kDead);
    ASSERT_EQ(whole.CanEnd(a), shrunk.CanEnd(b));
  }
  EXPECT_TRUE(shrunk.CanEnd(b));
}

TEST(GuideSpeed, AVocabularyOf128kTokens) {
  // Random words of 1 to 12 letters and marks.
  nlohmann::json json = testing::Mini(true);
  nlohmann::json& vocab = json["model"]["vocab"] = nlohmann::json::object();
  std::mt19937 random(9);
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEF0123456789\"{}[]:,.-";
  while (vocab.size() < 128'000) {
    std::string piece = random() % 2 ? "Ġ" : "";
    for (size_t n = 1 + random() % 12; n > 0; --n) piece += letters[random() % letters.size()];
    const size_t id = vocab.size();
    if (!vocab.contains(piece)) vocab[piece] = id;
  }
  json["model"]["merges"] = nlohmann::json::array();
  json["decoder"] = {{"type", "ByteLevel"}};
  const auto tokenizer = testing::Parse(json);
  ASSERT_TRUE(tokenizer);
  auto ms = [start = std::chrono::steady_clock::now()]() mutable {
    const auto before = std::exchange(start, std::chrono::steady_clock::now());
    return std::chrono::duration<double, std::milli>(start - before).count();
  };
  const TokenBytes bytes(*tokenizer, tokenizer->vocab_size());
  const VocabOrder order(bytes);
  const double made = ms();
  Guide guide(*Grammar::FromJsonSchema("true"), order, {});
  ASSERT_TRUE(guide.Allowed().ok());
  const double first = ms();
  for (int32_t id = 0; id < bytes.size(); ++id) {
    if (bytes[id] == "\"") guide.Accept(id);
  }
  ms();
  ASSERT_TRUE(guide.Allowed().ok());  // inside a string, where most tokens may come
  const double inside = ms();
  ASSERT_TRUE(guide.Allowed().ok());
  const double again = ms();
  std::printf("order of 128k tokens %.0f ms; masks: at the start %.2f ms, inside a string %.2f ms, again %.4f ms\n",
              made, first, inside, again);
  EXPECT_LT(inside, 2000);
  EXPECT_LT(again, 20);
}

}  // namespace
}  // namespace lacuna
