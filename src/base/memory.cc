#include "base/memory.h"

#include <algorithm>
#include <cstdio>
#include <sstream>

#include "base/cgroup.h"

namespace lacuna {

uint64_t BytesAvailable(const std::string& root) {
  uint64_t available = uint64_t{1} << 62;
  std::istringstream meminfo(ReadSmallFile(root + "/proc/meminfo").value_or(""));
  for (std::string line; std::getline(meminfo, line);) {
    unsigned long long kib = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %llu kB", &kib) == 1) available = uint64_t{kib} * 1024;
  }
  return std::min(available, ReadCgroupLimits(root).memory_left.value_or(available));
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
