// The tokenizer in a GGUF file's metadata (tokenizer.ggml.*), as the text of a tokenizer.json that does the same:
//   model "gpt2"    byte-level BPE with merges, and the pre-tokenizer that tokenizer.ggml.pre names
//   model "llama"   SentencePiece's BPE: merges by score (the model ScoredBPE of tokenizer/bpe.h), bytes as fallback
// Control tokens become special added tokens, user-defined ones plain added tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "io/gguf.h"
#include "lacuna/status.h"

namespace lacuna {

// nullopt: the file has no tokenizer. kInvalidInput names the key that is wrong, missing or not supported.
Result<std::optional<std::string>> GgufTokenizerJson(const GgufReader& metadata);

// tokenizer_config.json: bos_token, eos_token and the chat templates.
Result<std::string> GgufTokenizerConfigJson(const GgufReader& metadata);

// The text of tokenizer_config.json of a model, a directory or a GGUF file; nullopt if a directory has none.
Result<std::optional<std::string>> TokenizerConfigText(const std::string& model);

// What tokenizer.ggml.pre means.
struct GgufPreTokenizer {
  const char* names;       // separated by spaces
  const char* normalizer;  // JSON
  const char* steps;       // JSON of pre-tokenizers, in order
  bool ignore_merges;
  bool add_bos;  // where tokenizer.ggml.add_bos_token is absent
};
const GgufPreTokenizer* FindGgufPreTokenizer(std::string_view name);  // null if it is not known
std::string GgufPreTokenizerList();

}  // namespace lacuna
