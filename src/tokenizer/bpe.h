// Byte pair encoding: a piece of text starts as its characters; of all neighbouring pairs that have a merge, the one
// with the lowest rank (then the leftmost) is joined, until none is left (Sennrich et al. 2016, arXiv:1508.07909).
//
// Two models: "BPE" has a list of merges. "ScoredBPE" is lacuna's own, for vocabularies as SentencePiece has them
// (GGUF, tokenizer.ggml.model llama): no merges but "scores", a number for each id or null for tokens that no merge
// gives. Two neighbours whose text together is a token merge; the highest score goes first, the leftmost of equals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"
#include "tokenizer/flat_map.h"
#include "tokenizer/json_reader.h"
#include "tokenizer/vocab.h"

namespace lacuna {

class Bpe {
 public:
  // Reads the "model" object that comes next; `name` is the file's name for messages.
  static Result<Bpe> Read(JsonReader& reader, const std::string& name);

  // Working memory of Encode, reused from piece to piece.
  struct Scratch {
    struct Symbol {
      int32_t id, previous, next;  // neighbours by index, -1 at the ends; id -1: merged into its left neighbour
    };
    std::vector<int32_t> start;  // the ids of the characters
    std::vector<int32_t> ids;    // of the part that is being merged
    std::vector<uint64_t> ranks;
    std::vector<Symbol> symbols;
    std::vector<uint64_t> heap;
    std::string text;
  };
  // Appends the ids of one piece (not empty, valid UTF-8). n log n in its length.
  Status Encode(std::string_view piece, Scratch& scratch, std::vector<int32_t>& ids) const;

  const Vocab& vocab() const { return vocab_; }
  bool byte_fallback() const { return byte_fallback_; }

 private:
  struct Merge {
    uint32_t rank;
    int32_t id;
  };
  struct Parser;

  static uint64_t PairKey(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  // The merge of two neighbours, nullptr without.
  const Merge* FindMerge(int32_t left, int32_t right) const { return merges_.Find(PairKey(left, right)); }
  Status StartSymbols(std::string_view piece, Scratch& scratch) const;
  void MergeShort(Scratch& scratch) const;
  void MergeLong(Scratch& scratch) const;
  void IndexCharacters();
  void FindJoints();
  bool MayJoin(int32_t left, int32_t right) const { return !have_joints_ || joints_.Find(PairKey(left, right)); }

  std::string name_;
  Vocab vocab_;
  FlatMap<Merge> merges_;
  FlatMap<char> joints_;  // pairs of characters (by id) that some merge may bring into one token
  bool have_joints_ = false;
  std::vector<int32_t> low_chars_;  // id of each character below kLowChars as a token of its own, or -1
  std::vector<int32_t> byte_ids_;   // ids of <0x00> .. <0xFF>, or -1
  std::optional<std::string> unk_token_;
  int32_t unk_id_ = -1;
  std::string prefix_, suffix_;  // continuing_subword_prefix, end_of_word_suffix
  bool fuse_unk_ = false, byte_fallback_ = false, ignore_merges_ = false;
};

}  // namespace lacuna
