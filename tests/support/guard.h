// A buffer with an unreadable page on both sides: a kernel that touches one byte too many dies at that instruction.
// An array can only be flush with one of the two pages, so tests run once for each side.
#pragma once

#include <cstddef>
#include <span>

namespace lacuna::testing {

enum class GuardSide { kBefore, kAfter };  // which page the array touches

class GuardedBytes {
 public:
  // Room for arrays of up to max_bytes.
  explicit GuardedBytes(std::size_t max_bytes);
  ~GuardedBytes();
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;

  // The array's place: its first byte after the page before, or its last byte before the page after.
  void* Place(std::size_t bytes, GuardSide side);

 private:
  std::byte* mapping_;
  std::size_t inner_;  // bytes between the two pages
};

// The same for elements of T.
template <typename T>
class Guarded {
 public:
  explicit Guarded(std::size_t max_count) : bytes_(max_count * sizeof(T)) {}

  std::span<T> Place(std::size_t count, GuardSide side) {
    return {static_cast<T*>(bytes_.Place(count * sizeof(T), side)), count};
  }
  // Placed and filled.
  std::span<T> Copy(std::span<const T> from, GuardSide side) {
    std::span<T> to = Place(from.size(), side);
    for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
    return to;
  }

 private:
  GuardedBytes bytes_;
};

}  // namespace lacuna::testing
