#include "tokenizer/vocab.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "tokenizer/flat_map.h"

namespace lacuna {

uint64_t Vocab::Hash(std::string_view s) {
  uint64_t h = s.size() * 0x9E3779B97F4A7C15u;
  size_t i = 0;
  uint64_t word;
  for (; s.size() - i >= 8; i += 8) {
    std::memcpy(&word, s.data() + i, 8);
    h = MixBits(h ^ word);
  }
  word = 0;
  if (i < s.size()) std::memcpy(&word, s.data() + i, s.size() - i);
  return MixBits(h ^ word);
}

size_t Vocab::Locate(std::string_view piece, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t i = hash & mask;
  while (slots_[i].record >= 0) {
    if (slots_[i].tag == tag && Text(records_[static_cast<size_t>(slots_[i].record)]) == piece) return i;
    i = (i + 1) & mask;
  }
  return i;
}

void Vocab::Rehash(size_t slots) {
  slots_.assign(slots, {0, -1});
  for (size_t r = 0; r < records_.size(); ++r) {
    const std::string_view text = Text(records_[r]);
    const uint64_t hash = Hash(text);
    slots_[Locate(text, hash)] = {static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(r)};
  }
}

void Vocab::Reserve(size_t tokens, size_t bytes) {
  bytes_.reserve(bytes);
  records_.reserve(tokens);
  size_t slots = 16;
  while (slots < 2 * tokens) slots *= 2;
  if (slots > slots_.size()) Rehash(slots);
}

Vocab::AddResult Vocab::Add(std::string_view piece, int32_t id) {
  if (piece.size() > std::numeric_limits<uint32_t>::max()) return AddResult::kTooLong;
  if ((records_.size() + 1) * 2 > slots_.size()) Rehash(slots_.empty() ? 16 : slots_.size() * 2);
  const uint64_t hash = Hash(piece);
  Slot& slot = slots_[Locate(piece, hash)];
  if (slot.record >= 0) return AddResult::kDuplicateString;
  slot = {static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(records_.size())};
  records_.push_back({bytes_.size(), static_cast<uint32_t>(piece.size()), id});
  bytes_.append(piece);
  max_id_ = std::max(max_id_, id);
  return AddResult::kAdded;
}

int32_t Vocab::IndexIds() {
  if (records_.empty()) return -1;
  const size_t span = static_cast<size_t>(max_id_) + 1;
  if (span <= 4 * records_.size() + 1024) {
    dense_.assign(span, -1);
    for (size_t r = 0; r < records_.size(); ++r) {
      int32_t& record = dense_[static_cast<size_t>(records_[r].id)];
      if (record >= 0) return records_[r].id;
      record = static_cast<int32_t>(r);
    }
    return -1;
  }
  sorted_.resize(records_.size());
  for (size_t r = 0; r < records_.size(); ++r) sorted_[r] = static_cast<int32_t>(r);
  const auto id_of = [this](int32_t r) { return records_[static_cast<size_t>(r)].id; };
  std::sort(sorted_.begin(), sorted_.end(), [&](int32_t a, int32_t b) { return id_of(a) < id_of(b); });
  const auto twice =
      std::adjacent_find(sorted_.begin(), sorted_.end(), [&](int32_t a, int32_t b) { return id_of(a) == id_of(b); });
  return twice == sorted_.end() ? -1 : id_of(*twice);
}

int32_t Vocab::RecordOf(int32_t id) const {
  if (id < 0 || id > max_id_) return -1;
  if (!dense_.empty()) return dense_[static_cast<size_t>(id)];
  const auto it = std::lower_bound(sorted_.begin(), sorted_.end(), id, [this](int32_t r, int32_t wanted) {
    return records_[static_cast<size_t>(r)].id < wanted;
  });
  return it != sorted_.end() && records_[static_cast<size_t>(*it)].id == id ? *it : -1;
}

int32_t Vocab::Find(std::string_view piece) const {
  if (slots_.empty()) return -1;
  const Slot& slot = slots_[Locate(piece, Hash(piece))];
  return slot.record < 0 ? -1 : records_[static_cast<size_t>(slot.record)].id;
}

std::string_view Vocab::Piece(int32_t id) const {
  const int32_t r = RecordOf(id);
  return r < 0 ? std::string_view() : Text(records_[static_cast<size_t>(r)]);
}

}  // namespace lacuna
