// Every tests/data/tokenizers/NAME.json against NAME.cases.json, which the `tokenizers` package wrote.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "lacuna/tokenizer.h"
#include "tests/support/paths.h"

namespace lacuna {
namespace {

using nlohmann::json;

std::vector<std::string> CaseNames() {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(testing::DataPath("tokenizers"), error)) {
    const std::string file = entry.path().filename().string(), ending = ".cases.json";
    if (file.size() > ending.size() && file.ends_with(ending)) {
      names.insert(file.substr(0, file.size() - ending.size()));
    }
  }
  return {names.begin(), names.end()};
}

std::string Stream(const std::shared_ptr<const Tokenizer>& tokenizer, const std::vector<int32_t>& ids, bool skip) {
  DecodeStream stream(tokenizer, skip);
  std::string out;
  for (const int32_t id : ids) out += stream.Next(id);
  return out + stream.Finish();
}

void CheckDecode(const std::shared_ptr<const Tokenizer>& tokenizer, const json& c, const std::string& by_default) {
  const auto ids = c["ids"].get<std::vector<int32_t>>();
  const std::string decoded = c.value("decoded", by_default), decoded_all = c.value("decoded_all", decoded);
  for (const bool skip : {true, false}) {
    const auto text = tokenizer->Decode(ids, skip);
    ASSERT_TRUE(text.ok()) << text.status().message();
    EXPECT_EQ(*text, skip ? decoded : decoded_all) << c["ids"].dump() << " skip " << skip;
    EXPECT_EQ(Stream(tokenizer, ids, skip), *text) << c["ids"].dump() << " skip " << skip;
  }
}

TEST(TokenizerCaseFiles, AreThere) { EXPECT_GE(CaseNames().size(), 8u) << "tests/data/tokenizers has too few cases"; }

class TokenizerCases : public ::testing::TestWithParam<std::string> {};

TEST_P(TokenizerCases, GiveTheSameIdsAndText) {
  const auto tokenizer = Tokenizer::Load(testing::DataPath("tokenizers/" + GetParam() + ".json"));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  std::ifstream file(testing::DataPath("tokenizers/" + GetParam() + ".cases.json"));
  const json cases = json::parse(file, nullptr, false);
  ASSERT_TRUE(cases.is_object());
  ASSERT_FALSE(cases["encode"].empty());
  for (const json& c : cases["encode"]) {
    const auto text = c["text"].get<std::string>();
    const auto ids = (*tokenizer)->Encode(text, true), plain = (*tokenizer)->Encode(text, false);
    ASSERT_TRUE(ids.ok()) << ids.status().message();
    ASSERT_TRUE(plain.ok()) << plain.status().message();
    EXPECT_EQ(*ids, c["ids"].get<std::vector<int32_t>>()) << json(text).dump();
    EXPECT_EQ(*plain, c.value("ids_plain", c["ids"]).get<std::vector<int32_t>>()) << json(text).dump();
    CheckDecode(*tokenizer, c, text);
  }
  for (const json& c : cases.value("decode", json::array())) CheckDecode(*tokenizer, c, "");
}

INSTANTIATE_TEST_SUITE_P(Stored, TokenizerCases, ::testing::ValuesIn(CaseNames()),
                         [](const auto& info) { return info.param; });
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TokenizerCases);

}  // namespace
}  // namespace lacuna
