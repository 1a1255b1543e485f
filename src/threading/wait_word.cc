#include "threading/wait_word.h"

#include <immintrin.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <climits>

namespace lacuna {
namespace {

static_assert(sizeof(std::atomic<uint32_t>) == 4 && std::atomic<uint32_t>::is_always_lock_free, "a futex is 4 bytes");

int64_t NowNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

void WaitWord::WaitSlow(uint32_t old, int64_t spin_ns) {
  if (spin_ns > 0) {
    const int64_t deadline = NowNs() + spin_ns;
    do {
      // A pause is 40 to 140 cycles: 8 of them keep the clock's cost small and the reaction below a microsecond.
      for (int i = 0; i < 8; ++i) {
        if (Get() != old) return;
        _mm_pause();
      }
    } while (NowNs() < deadline);
  }
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while (value_.load(std::memory_order_seq_cst) == old) {
    // Returns at once when the value has changed, and sometimes for no reason: the loop decides.
    syscall(SYS_futex, reinterpret_cast<uint32_t*>(&value_), FUTEX_WAIT_PRIVATE, old, nullptr, nullptr, 0);
  }
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

void WaitWord::WakeAll() {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&value_), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace lacuna
