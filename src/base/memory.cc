#include "base/memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "base/cgroup.h"

namespace lacuna {
namespace {

// What `ulimit -v` and `ulimit -d` leave, from the sizes that statm gives in pages: the first and the sixth.
uint64_t LeftOfProcess(const std::string& statm) {
  unsigned long long whole = 0, data = 0;
  if (std::sscanf(statm.c_str(), "%llu %*u %*u %*u %*u %llu", &whole, &data) != 2) return uint64_t{1} << 62;
  const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  uint64_t left = uint64_t{1} << 62;
  for (const auto& [which, used] : {std::pair{RLIMIT_AS, whole * page}, std::pair{RLIMIT_DATA, data * page}}) {
    rlimit limit{};
    if (getrlimit(which, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) continue;
    left = std::min<uint64_t>(left, limit.rlim_cur - std::min<uint64_t>(limit.rlim_cur, used));
  }
  return left;
}

struct MemoryOfMachine {
  uint64_t available = uint64_t{1} << 62;
  uint64_t swap = 0;
};

MemoryOfMachine MemInfo(const std::string& root) {
  MemoryOfMachine out;
  std::istringstream meminfo(ReadSmallFile(root + "/proc/meminfo").value_or(""));
  for (std::string line; std::getline(meminfo, line);) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %llu kB", &kib) == 1) out.available = uint64_t{kib} * 1024;
    if (std::sscanf(line.c_str(), "SwapFree: %llu kB", &kib) == 1) out.swap = uint64_t{kib} * 1024;
  }
  return out;
}

uint64_t LeftOfGroups(const std::string& root) {
  return ReadCgroupLimits(root).memory_left.value_or(uint64_t{1} << 62);
}

}  // namespace

uint64_t BytesAvailable(const std::string& root) {
  const uint64_t of_process = LeftOfProcess(ReadSmallFile(root + "/proc/self/statm").value_or(""));
  return std::min({MemInfo(root).available, of_process, LeftOfGroups(root)});
}

uint64_t BytesWithSwap(const std::string& root) {
  const MemoryOfMachine machine = MemInfo(root);
  return std::min(machine.available + machine.swap, LeftOfGroups(root));
}

Status CheckMemoryFor(uint64_t bytes, uint64_t available, std::string_view what) {
  if (bytes <= available) return {};
  return OutOfMemory("the " + std::string(what) + " needs " + FormatBytes(bytes) + " but only " +
                     FormatBytes(available) + " of memory are available");
}

std::string FormatBytes(uint64_t bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = double(bytes) / 1024;
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof(text), value < 100 ? "%.2f %s" : "%.0f %s", value, kUnits[unit]);
  return text;
}

}  // namespace lacuna
