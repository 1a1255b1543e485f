#include "base/tile_permission.h"

#include <cpuid.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

namespace lacuna {
namespace {

std::atomic<bool> emulated{false};

constexpr long kArchReqXcompPerm = 0x1023;  // arch/x86/include/uapi/asm/prctl.h
constexpr long kXfeatureTileData = 18;
constexpr uint64_t kTileStates = uint64_t{3} << 17;  // XCR0: TILECFG and TILEDATA

bool ProcessorHasTiles() {
  unsigned a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned kBf16 = 1u << 22, kTile = 1u << 24, kInt8 = 1u << 25;
  constexpr unsigned kAll = kBf16 | kTile | kInt8;
  if ((d & kAll) != kAll) return false;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & kTileStates) == kTileStates;
}

bool Ask() {
#if defined(__linux__)
  return ProcessorHasTiles() && syscall(SYS_arch_prctl, kArchReqXcompPerm, kXfeatureTileData) == 0;
#else
  return false;
#endif
}

}  // namespace

bool RequestTilePermission() {
  if (emulated.load(std::memory_order_acquire)) return true;
  static const bool granted = Ask();
  return granted;
}

void ReportTilesAsEmulated() { emulated.store(true, std::memory_order_release); }

bool TilesAreEmulated() { return emulated.load(std::memory_order_acquire); }

}  // namespace lacuna
