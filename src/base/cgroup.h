// What the control groups (v1 and v2) of this process allow: memory and processor time. Every function takes the
// root of the file system, "" for the real one, so that tests can lay out machines nobody has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace lacuna {

// The whole file, or nothing when it cannot be read. For the small files of /proc and /sys.
std::optional<std::string> ReadSmallFile(const std::string& path);

struct CgroupLimits {
  // Bytes that may still be allocated below the tightest memory limit (limit - usage + reclaimable file cache).
  std::optional<uint64_t> memory_left;
  // Processors' worth of time per period, the tightest quota: 1.5 is 150 ms of every 100 ms.
  std::optional<double> cpu_quota;
};

CgroupLimits ReadCgroupLimits(const std::string& root = "");

}  // namespace lacuna
