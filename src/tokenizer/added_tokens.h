// The "added_tokens" of tokenizer.json: strings that are found in the text before anything else is done to it.
#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lacuna/status.h"
#include "lacuna/tokenizer.h"
#include "tokenizer/flat_map.h"
#include "tokenizer/normalizer.h"
#include "tokenizer/pre_tokenizer.h"
#include "tokenizer/regex.h"
#include "tokenizer/vocab.h"

namespace lacuna {

struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word character stands beside it
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // and behind it
  bool normalized = false;   // is looked for in the normalized text, normalized itself
  bool special = false;      // skipped when decoding
  bool operator==(const AddedToken&) const = default;
};

// Finds the leftmost longest of a set of strings: a trie over bytes.
class Trie {
 public:
  // The first of equal strings counts.
  void Add(std::string_view text, int32_t value);
  // The next match at or behind `from`; begin == npos when there is none.
  struct Match {
    size_t begin, end;
    int32_t value;
  };
  // Only matches that `accept(match)` agrees to count.
  template <typename Accept>
  Match Find(std::string_view text, size_t from, Accept accept) const {
    for (size_t begin = from; begin < text.size() && !values_.empty(); ++begin) {
      uint64_t node = root_[static_cast<unsigned char>(text[begin])];
      Match match{std::string_view::npos, 0, -1};
      for (size_t end = begin + 1; node != 0; ++end) {
        if (values_[node] >= 0 && accept(Match{begin, end, values_[node]})) match = {begin, end, values_[node]};
        if (end == text.size()) break;
        const uint32_t* next = edges_.Find(node << 8 | static_cast<unsigned char>(text[end]));
        node = next ? *next : 0;
      }
      if (match.value >= 0) return match;
    }
    return {std::string_view::npos, 0, -1};
  }
  bool empty() const { return values_.empty(); }

 private:
  FlatMap<uint32_t> edges_;           // node << 8 | byte -> node
  std::vector<int32_t> values_;       // of each node, -1 inside; node 0 is the root
  std::array<uint32_t, 256> root_{};  // the root's edges, 0 for none
};

class AddedTokens {
 public:
  // Reads the array `node` (null: none). Tokens that the vocabulary lacks are numbered from its size on, as the
  // reference implementation does; the file's ids must agree.
  static Result<AddedTokens> Parse(const nlohmann::json& node, const std::string& where, const Vocab& vocab,
                                   const Normalizers& normalizers);

  // Cuts `text` at added tokens and normalizes what lies between them. Tokens that touch a `plain` span are passed over
  // if they are special or markup (markup.h). One of them that is looked for in normalized text, where spans are lost,
  // is then found as the template spells it, before normalization.
  Status Split(std::string_view text, std::span<const TextSpan> plain, const Normalizers& normalizers,
               PieceList& list) const;

  // The content of token `id`, "" if it is not an added token.
  std::string_view Content(int32_t id) const;
  // What the decoder gets for it: the normalized content of tokens with `normalized`, so that a decoder which inverts
  // the normalizer finds what it expects.
  std::string_view DecodeContent(int32_t id) const;
  // Whether decoding leaves it out with skip_special. The reference implementation looks DecodeContent up among the
  // contents of special tokens, so a special token that the normalizer changes stays in the text.
  bool IsSkipped(int32_t id) const { return skipped_ids_.count(id) > 0; }
  std::optional<int32_t> IdOf(std::string_view content) const;
  bool IsSpecial(int32_t id) const { return special_ids_.count(id) > 0; }
  int32_t max_id() const { return max_id_; }

 private:
  struct Found {
    size_t begin, end;
    int32_t id;  // -1: text
  };
  // `offset` is where `text` begins in the text that `plain` speaks of.
  void FindIn(std::string_view text, const Trie& trie, std::span<const TextSpan> plain, size_t offset,
              std::vector<Found>& found) const;
  Status SplitNormalized(std::string_view text, size_t offset, std::span<const TextSpan> plain,
                         const Normalizers& normalizers, PieceList& list) const;
  bool StandsAlone(std::string_view text, size_t begin, size_t end) const;

  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<int32_t, AddedToken> tokens_;
  std::unordered_map<int32_t, std::string> normalized_contents_;  // where they differ from the content
  std::unordered_set<int32_t> special_ids_, skipped_ids_;
  std::unordered_set<int32_t> guarded_ids_;  // special_ids_ and markup
  Trie raw_, normalized_;
  Trie spelled_;               // the guarded ones of normalized_, as they are spelled
  std::optional<Regex> word_;  // one word character, compiled when a token asks for single_word
  int32_t max_id_ = -1;
};

}  // namespace lacuna
