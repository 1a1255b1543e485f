// The Tokenizer of a tokenizer.json: added tokens -> normalizer -> pre-tokenizer -> BPE -> post-processor, and back.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/bpe.h"
#include "tokenizer/decoder.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/post_processor.h"
#include "tokenizer/pre_tokenizer.h"

namespace lacuna {

// The parts, as tokenizer_json.cc reads them.
struct TokenizerParts {
  Bpe bpe;
  AddedTokens added;
  Normalizers normalizers;
  PreTokenizers pre_tokenizers;
  std::vector<Template> templates;
  Decoder decoder;
  bool byte_level = false;
};

class BpeTokenizer : public Tokenizer {
 public:
  explicit BpeTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {}

  Result<std::vector<int32_t>> EncodeMarked(std::string_view text, std::span<const TextSpan> plain,
                                            bool add_special) const override;
  Result<std::string> Decode(std::span<const int32_t> ids, bool skip_special) const override;
  std::string_view Piece(int32_t id) const override;
  std::optional<int32_t> IdOf(std::string_view piece) const override;
  bool IsSpecial(int32_t id) const override { return parts_.added.IsSpecial(id); }
  void AppendBytes(int32_t id, std::string& out) const override;
  int32_t vocab_size() const override { return std::max(parts_.bpe.vocab().max_id(), parts_.added.max_id()) + 1; }
  std::string_view kind() const override;
  bool Has(int32_t id) const { return parts_.bpe.vocab().Has(id) || !parts_.added.Content(id).empty(); }
  std::unique_ptr<Decoding> StartDecoding(bool skip_special) const override;

 private:
  TokenizerParts parts_;
};

}  // namespace lacuna
