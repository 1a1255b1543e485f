#include "grammar/guide.h"

#include <algorithm>

namespace lacuna {

Guide::Guide(std::shared_ptr<const Grammar> grammar, const VocabOrder& vocab, std::vector<int32_t> end_ids)
    : grammar_(std::move(grammar)),
      vocab_(vocab),
      end_ids_(std::move(end_ids)),
      machine_(grammar_->bytes()),
      state_(machine_.start()),
      walk_(vocab.longest + 1) {}

void Guide::Restart() { state_ = machine_.start(); }

std::vector<uint64_t> Guide::MakeMask() {
  std::vector<uint64_t> mask((static_cast<size_t>(vocab_.bytes.size()) + 63) / 64);
  const auto allow = [&](int32_t id) { mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64); };
  walk_[0] = state_;
  size_t alive = 0;  // walk_[0..alive] is valid for the entry's beginning
  for (size_t i = 0; i < vocab_.entries.size(); ++i) {
    const auto& [id, shared] = vocab_.entries[i];
    if (shared > alive) continue;  // begins as one did that died there
    const std::string_view bytes = vocab_.bytes[id];
    alive = shared;
    while (alive < bytes.size()) {
      const Machine::State next = machine_.Step(walk_[alive], static_cast<uint8_t>(bytes[alive]));
      if (next == Machine::kDead) break;
      walk_[++alive] = next;
    }
    if (alive == bytes.size()) allow(id);
  }
  for (const int32_t id : end_ids_) {
    mask[static_cast<size_t>(id) / 64] &= ~(uint64_t{1} << (id % 64));  // whatever its text
    if (machine_.CanEnd(state_)) allow(id);
  }
  return mask;
}

Result<std::span<const uint64_t>> Guide::Allowed() {
  machine_.Begin();
  if (machine_.Full()) {
    state_ = machine_.Shrink(state_);
    masks_.clear();
  }
  if (masks_.size() >= kMaxMasks) masks_.clear();
  auto at = masks_.find(state_);
  if (at == masks_.end()) at = masks_.emplace(state_, MakeMask()).first;
  if (machine_.overflowed()) {
    return InvalidInput(grammar_->name() + ": the grammar can be read in more ways at once than are followed (" +
                        std::to_string(Machine::kMaxStacks) + "): make it smaller or less ambiguous");
  }
  const std::vector<uint64_t>& mask = at->second;
  if (std::all_of(mask.begin(), mask.end(), [](uint64_t word) { return word == 0; })) {
    if (machine_.CanEnd(state_)) return std::span<const uint64_t>();
    return InvalidInput(grammar_->name() + ": no token of the model's vocabulary goes on as the grammar asks");
  }
  return std::span<const uint64_t>(mask);
}

void Guide::Accept(int32_t id) {
  for (const char byte : vocab_.bytes[id]) state_ = machine_.Step(state_, static_cast<uint8_t>(byte));
}

}  // namespace lacuna
