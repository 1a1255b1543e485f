#include "tokenizer/vocab.h"

#include <algorithm>
#include <cstring>

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

Vocab::Header Vocab::HeaderOf(uint32_t entry) const {
  Header header;
  std::memcpy(&header, bytes_.data() + entry, sizeof header);
  return header;
}

size_t Vocab::Locate(std::string_view piece, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  size_t i = hash & mask;
  while (slots_[i].entry != kNone) {
    if (slots_[i].tag == tag && Text(slots_[i].entry) == piece) return i;
    i = (i + 1) & mask;
  }
  return i;
}

void Vocab::Rehash(size_t slots) {
  slots_.assign(slots, {0, kNone});
  for (const uint32_t entry : entries_) {
    const uint64_t hash = Hash(Text(entry));
    size_t i = hash & (slots - 1);
    while (slots_[i].entry != kNone) i = (i + 1) & (slots - 1);
    slots_[i] = {static_cast<uint32_t>(hash >> 32), entry};
  }
}

Vocab::AddResult Vocab::Add(std::string_view piece, int32_t id) {
  if (bytes_.size() + sizeof(Header) + piece.size() >= kNone) return AddResult::kFull;
  if ((entries_.size() + 1) * 2 > slots_.size()) Rehash(slots_.empty() ? 1024 : slots_.size() * 2);
  const uint64_t hash = Hash(piece);
  Slot& slot = slots_[Locate(piece, hash)];
  if (slot.entry != kNone) return AddResult::kDuplicate;
  const auto entry = static_cast<uint32_t>(bytes_.size());
  slot = {static_cast<uint32_t>(hash >> 32), entry};
  const Header header{id, static_cast<uint32_t>(piece.size())};
  bytes_.append(reinterpret_cast<const char*>(&header), sizeof header);
  bytes_.append(piece);
  entries_.push_back(entry);
  max_id_ = std::max(max_id_, id);
  return AddResult::kAdded;
}

int32_t Vocab::IndexIds() {
  const size_t span = static_cast<size_t>(max_id_ + 1);
  if (span <= 4 * entries_.size() + 1024) {
    dense_.assign(span, kNone);
    for (const uint32_t entry : entries_) {
      const int32_t id = HeaderOf(entry).id;
      if (dense_[static_cast<size_t>(id)] != kNone) return id;
      dense_[static_cast<size_t>(id)] = entry;
    }
    return -1;
  }
  sorted_ = entries_;
  std::sort(sorted_.begin(), sorted_.end(), [this](uint32_t a, uint32_t b) { return HeaderOf(a).id < HeaderOf(b).id; });
  const auto twice = std::adjacent_find(sorted_.begin(), sorted_.end(),
                                        [this](uint32_t a, uint32_t b) { return HeaderOf(a).id == HeaderOf(b).id; });
  return twice == sorted_.end() ? -1 : HeaderOf(*twice).id;
}

uint32_t Vocab::EntryOf(int32_t id) const {
  if (id < 0 || id > max_id_) return kNone;
  if (!dense_.empty()) return dense_[static_cast<size_t>(id)];
  const auto it = std::lower_bound(sorted_.begin(), sorted_.end(), id,
                                   [this](uint32_t entry, int32_t wanted) { return HeaderOf(entry).id < wanted; });
  return it != sorted_.end() && HeaderOf(*it).id == id ? *it : kNone;
}

int32_t Vocab::Find(std::string_view piece) const {
  if (slots_.empty()) return -1;
  const Slot& slot = slots_[Locate(piece, Hash(piece))];
  return slot.entry == kNone ? -1 : HeaderOf(slot.entry).id;
}

std::string_view Vocab::Piece(int32_t id) const {
  const uint32_t entry = EntryOf(id);
  return entry == kNone ? std::string_view() : Text(entry);
}

}  // namespace lacuna
