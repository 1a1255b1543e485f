// WaitWord: a 32-bit word that threads wait on, first by spinning, then parked in the kernel (futex).
//
// Set and Wait cannot miss each other: the setter stores the value, then reads the count of sleepers; the sleeper
// raises the count, then reads the value. All four are sequentially consistent, so at least one sees the other, and
// the kernel compares the value again before it parks the thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace lacuna {

class alignas(64) WaitWord {
 public:
  explicit WaitWord(uint32_t value = 0) : value_(value) {}

  uint32_t Get() const { return value_.load(std::memory_order_acquire); }

  // Publishes what the caller wrote before, and wakes whoever waits.
  void Set(uint32_t value) {
    value_.store(value, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) != 0) WakeAll();
  }

  // Returns once the value is not `old`, and sees what was written before that Set. Spins for spin_ns, then parks.
  void WaitWhile(uint32_t old, int64_t spin_ns) {
    if (Get() == old) WaitSlow(old, spin_ns);
  }

 private:
  void WaitSlow(uint32_t old, int64_t spin_ns);
  void WakeAll();

  std::atomic<uint32_t> value_;
  std::atomic<uint32_t> sleepers_{0};
};

}  // namespace lacuna
