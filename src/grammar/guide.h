// Which tokens may come next under a grammar: a bit for each token of the vocabulary.
//
// The first mask of a state walks the vocabulary in the order of its bytes; masks are kept by state, and a state comes
// back often (inside a string, between elements). End tokens are in the mask only where the text may end.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "grammar/machine.h"
#include "grammar/vocab_order.h"
#include "lacuna/grammar.h"
#include "lacuna/status.h"

namespace lacuna {

class Guide {
 public:
  // `vocab` must outlive it. `end_ids` may be empty.
  Guide(std::shared_ptr<const Grammar> grammar, const VocabOrder& vocab, std::vector<int32_t> end_ids);

  const Grammar* grammar() const { return grammar_.get(); }
  void Restart();
  const std::vector<int32_t>& end_ids() const { return end_ids_; }
  // Nothing may follow the text so far.
  bool AtEnd() const { return !machine_.CanGoOn(state_); }
  // The tokens that may come next, valid until the next call; empty where the text may end and nothing else is
  // possible. kInvalidInput when the vocabulary has no token to go on with, or the grammar more parses than the machine
  // follows: then the guide is of no further use.
  Result<std::span<const uint64_t>> Allowed();
  // A token of the last mask was chosen.
  void Accept(int32_t id);

 private:
  static constexpr size_t kMaxMasks = 512;

  std::vector<uint64_t> MakeMask();

  std::shared_ptr<const Grammar> grammar_;
  const VocabOrder& vocab_;
  std::vector<int32_t> end_ids_;
  Machine machine_;
  Machine::State state_;
  std::unordered_map<Machine::State, std::vector<uint64_t>> masks_;
  std::vector<Machine::State> walk_;  // after each byte of a token
};

}  // namespace lacuna
