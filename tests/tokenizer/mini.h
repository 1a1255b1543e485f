// A small tokenizer.json to change one section of.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lacuna/tokenizer.h"

namespace lacuna::testing {

// Characters as tokens, in this order, then pieces: <unk> is 0, <0x00>..<0xFF> follow the characters when `bytes`.
inline nlohmann::json Mini(bool bytes = false) {
  nlohmann::json vocab = nlohmann::json::object();
  int id = 0;
  vocab["<unk>"] = id++;
  for (const char* c : {"a", "b", "c", "d", "e", " ", "\u2581", ".", ",", "1", "2", "A", "B", "\u00e9", "\u0301", "_",
                        "\u0120", "-", "\u4e2d"}) {
    vocab[c] = id++;
  }
  for (const char* piece : {"ab", "abc", "bc", "\u2581a", "aa", "aaaa"}) vocab[piece] = id++;
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (int b = 0; bytes && b < 256; ++b) {
    vocab[std::string("<0x") + kHex[b / 16] + kHex[b % 16] + ">"] = id++;
  }
  return {{"version", "1.0"},
          {"added_tokens", nlohmann::json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", nullptr},
          {"post_processor", nullptr},
          {"decoder", {{"type", "Fuse"}}},
          {"model",
           {{"type", "BPE"},
            {"unk_token", "<unk>"},
            {"fuse_unk", false},
            {"byte_fallback", bytes},
            {"continuing_subword_prefix", nullptr},
            {"vocab", vocab},
            {"merges", {"a b", "b c", "ab c", "\u2581 a", "a a", "aa aa"}}}}};
}

inline nlohmann::json AddedToken(int id, const std::string& content) {
  return {{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

inline std::shared_ptr<const Tokenizer> Parse(const nlohmann::json& json) {
  const auto tokenizer = Tokenizer::Parse(json.dump(), "mini.json");
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return tokenizer.ok() ? *tokenizer : nullptr;
}

// The pieces of `text`, with '|' between.
inline std::string Pieces(const nlohmann::json& json, const std::string& text) {
  const auto tokenizer = Parse(json);
  if (!tokenizer) return "not a tokenizer";
  const auto ids = tokenizer->Encode(text);
  if (!ids.ok()) return ids.status().message();
  std::string out;
  for (const int32_t id : *ids) {
    if (!out.empty()) out += '|';
    out += tokenizer->Piece(id);
  }
  return out;
}

// The message of the error that parsing must give.
inline std::string TextError(const std::string& json) {
  const auto tokenizer = Tokenizer::Parse(json, "mini.json");
  if (tokenizer.ok()) return "no error";
  EXPECT_EQ(tokenizer.status().code(), StatusCode::kInvalidInput);
  EXPECT_TRUE(tokenizer.status().message().starts_with("mini.json: ")) << tokenizer.status().message();
  return tokenizer.status().message();
}
inline std::string Error(const nlohmann::json& json) { return TextError(json.dump()); }

}  // namespace lacuna::testing
