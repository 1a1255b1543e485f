// The vocabulary: strings to ids and back. Ids may be sparse; memory grows with the number of tokens only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

class Vocab {
 public:
  enum class AddResult { kAdded, kDuplicate, kFull };

  AddResult Add(std::string_view piece, int32_t id);
  // Call once, after the last Add. Returns an id that two tokens have, or -1.
  int32_t IndexIds();

  // The id of `piece`, or -1.
  int32_t Find(std::string_view piece) const;
  // Whether `id` has a token.
  bool Has(int32_t id) const { return EntryOf(id) != kNone; }
  std::string_view Piece(int32_t id) const;
  size_t size() const { return entries_.size(); }
  int32_t max_id() const { return max_id_; }

 private:
  // bytes_ has, for every token, a Header and its text; an entry is the place of its header. A lookup then waits for
  // memory twice: for the slot and for the entry.
  struct Header {
    int32_t id;
    uint32_t length;
  };
  struct Slot {
    uint32_t tag;    // the hash's upper half, spares most comparisons
    uint32_t entry;  // or kNone
  };
  static constexpr uint32_t kNone = ~uint32_t{0};

  static uint64_t Hash(std::string_view s);
  Header HeaderOf(uint32_t entry) const;
  std::string_view Text(uint32_t entry) const {
    return std::string_view(bytes_).substr(entry + sizeof(Header), HeaderOf(entry).length);
  }
  size_t Locate(std::string_view piece, uint64_t hash) const;
  uint32_t EntryOf(int32_t id) const;
  void Rehash(size_t slots);

  std::string bytes_;
  std::vector<uint32_t> entries_;  // in order of addition
  std::vector<Slot> slots_;
  std::vector<uint32_t> dense_;   // id -> entry, where ids are dense
  std::vector<uint32_t> sorted_;  // entries by id, where they are sparse
  int32_t max_id_ = -1;
};

}  // namespace lacuna
