// The vocabulary: strings to ids and back. Ids may be sparse; memory grows with the number of tokens only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

class Vocab {
 public:
  enum class AddResult { kAdded, kDuplicateString, kTooLong };

  void Reserve(size_t tokens, size_t bytes);
  AddResult Add(std::string_view piece, int32_t id);
  // Call once, after the last Add. Returns an id that two tokens have, or -1.
  int32_t IndexIds();

  // The id of `piece`, or -1.
  int32_t Find(std::string_view piece) const;
  // Whether `id` has a token.
  bool Has(int32_t id) const { return RecordOf(id) >= 0; }
  std::string_view Piece(int32_t id) const;
  size_t size() const { return records_.size(); }
  int32_t max_id() const { return max_id_; }

 private:
  struct Record {
    uint64_t offset;  // into bytes_
    uint32_t length;
    int32_t id;
  };
  // A slot of the hash table; the tag spares most comparisons.
  struct Slot {
    uint32_t tag;
    int32_t record;  // -1: empty
  };

  static uint64_t Hash(std::string_view s);
  size_t Locate(std::string_view piece, uint64_t hash) const;
  std::string_view Text(const Record& r) const { return std::string_view(bytes_).substr(r.offset, r.length); }
  int32_t RecordOf(int32_t id) const;
  void Rehash(size_t slots);

  std::string bytes_;
  std::vector<Record> records_;
  std::vector<Slot> slots_;
  std::vector<int32_t> dense_;   // id -> record, where ids are dense
  std::vector<int32_t> sorted_;  // records by id, where they are sparse
  int32_t max_id_ = -1;
};

}  // namespace lacuna
