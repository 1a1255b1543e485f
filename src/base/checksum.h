// A 64-bit checksum against damage, not against forgery: eight bytes at a time, a multiplication and a rotation each,
// so that it keeps up with a disk. A function of the bytes and of how they are cut into Add calls of multiples of 8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace lacuna {

class Checksum {
 public:
  void Add(std::span<const std::byte> data) {
    size_t i = 0;
    for (; i + 8 <= data.size(); i += 8) {
      uint64_t word;
      std::memcpy(&word, data.data() + i, 8);
      Mix(word);
    }
    uint64_t rest = 0;
    if (i < data.size()) std::memcpy(&rest, data.data() + i, data.size() - i);
    if (i < data.size()) Mix(rest);
    bytes_ += data.size();
  }
  template <typename T>
  void AddValue(const T& value) {
    static_assert(sizeof(T) <= 8);
    uint64_t word = 0;
    std::memcpy(&word, &value, sizeof(T));
    Mix(word);
    bytes_ += sizeof(T);
  }
  uint64_t value() const {
    uint64_t h = state_ ^ bytes_;
    h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDull;
    return h ^ (h >> 33);
  }

 private:
  void Mix(uint64_t word) {
    state_ = (state_ ^ word) * 0x9E3779B97F4A7C15ull;
    state_ = state_ << 29 | state_ >> 35;
  }
  uint64_t state_ = 0x243F6A8885A308D3ull;  // pi's digits
  uint64_t bytes_ = 0;
};

}  // namespace lacuna
