// Open-addressing hash map from 64-bit keys to small values: merges and tries look up by the million.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lacuna {

inline uint64_t MixBits(uint64_t x) {  // the finalizer of SplitMix64
  x ^= x >> 30;
  x *= 0xBF58476D1CE4E5B9u;
  x ^= x >> 27;
  x *= 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

// Linear probing, at most 5/8 full. The key ~0 is not allowed.
template <typename Value>
class FlatMap {
 public:
  void Reserve(size_t count) {
    size_t slots = 16;
    while (slots * 5 / 8 < count) slots *= 2;
    if (slots > slots_.size()) Rehash(slots);
  }
  // The value of `key`, a new one if there is none; `added` tells.
  Value& Insert(uint64_t key, bool& added) {
    if ((size_ + 1) * 8 > slots_.size() * 5) Rehash(slots_.empty() ? 16 : slots_.size() * 2);
    Slot& slot = slots_[Locate(key)];
    added = slot.key == kEmpty;
    if (added) {
      slot.key = key;
      ++size_;
    }
    return slot.value;
  }
  const Value* Find(uint64_t key) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[Locate(key)];
    return slot.key == kEmpty ? nullptr : &slot.value;
  }
  size_t size() const { return size_; }
  template <typename F>
  void ForEach(F f) const {
    for (const Slot& slot : slots_) {
      if (slot.key != kEmpty) f(slot.key, slot.value);
    }
  }

 private:
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  struct Slot {
    uint64_t key = kEmpty;
    Value value{};
  };

  size_t Locate(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t i = MixBits(key) & mask;
    while (slots_[i].key != key && slots_[i].key != kEmpty) i = (i + 1) & mask;
    return i;
  }
  void Rehash(size_t slots) {
    std::vector<Slot> old(slots);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != kEmpty) slots_[Locate(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace lacuna
