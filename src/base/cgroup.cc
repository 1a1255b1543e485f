#include "base/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <vector>

namespace lacuna {
namespace {

// v1 writes "no limit" as the largest multiple of a page below 2^63.
constexpr uint64_t kNoLimit = uint64_t{1} << 62;

std::optional<uint64_t> ParseU64(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  return value;
}

std::optional<uint64_t> ReadU64(const std::string& path) {
  const auto text = ReadSmallFile(path);
  return text ? ParseU64(*text) : std::nullopt;
}

// The number after `key` in a file of "key value" lines.
uint64_t ReadField(const std::string& path, std::string_view key) {
  std::istringstream lines(ReadSmallFile(path).value_or(""));
  for (std::string name, value; lines >> name >> value;) {
    if (name == key) return ParseU64(value).value_or(0);
  }
  return 0;
}

template <typename T>
void Tighten(std::optional<T>& limit, T value) {
  limit = limit ? std::min(*limit, value) : value;
}

// Both lists of file pages can be taken back: files that were read twice are on the active one.
void AddMemory(uint64_t limit, uint64_t usage, uint64_t reclaimable, CgroupLimits& out) {
  if (limit >= kNoLimit) return;
  usage -= std::min(usage, reclaimable);
  Tighten(out.memory_left, limit - std::min(limit, usage));
}

void ReadFolderV2(const std::string& folder, CgroupLimits& out) {
  if (const auto limit = ReadU64(folder + "/memory.max")) {  // "max" does not parse: no limit
    AddMemory(*limit, ReadU64(folder + "/memory.current").value_or(0),
              ReadField(folder + "/memory.stat", "inactive_file") + ReadField(folder + "/memory.stat", "active_file"),
              out);
  }
  std::istringstream cpu(ReadSmallFile(folder + "/cpu.max").value_or(""));
  std::string quota, period;
  if (cpu >> quota >> period) {
    const auto q = ParseU64(quota), p = ParseU64(period);
    if (q && p && *p > 0) Tighten(out.cpu_quota, double(*q) / double(*p));
  }
}

void ReadFolderV1(const std::string& folder, CgroupLimits& out) {
  if (const auto limit = ReadU64(folder + "/memory.limit_in_bytes")) {
    AddMemory(*limit, ReadU64(folder + "/memory.usage_in_bytes").value_or(0),
              ReadField(folder + "/memory.stat", "total_inactive_file") +
                  ReadField(folder + "/memory.stat", "total_active_file"),
              out);
  }
  const auto quota = ReadU64(folder + "/cpu.cfs_quota_us");  // "-1" does not parse: no limit
  const auto period = ReadU64(folder + "/cpu.cfs_period_us");
  if (quota && period && *period > 0) Tighten(out.cpu_quota, double(*quota) / double(*period));
}

// A limit binds everything below it, so each folder from the process's group up to the mount counts. In a container
// the path may belong to the host's tree and not exist here: then only the mount's own files, the container's, do.
void WalkUp(const std::string& mount, std::string path, void (*read)(const std::string&, CgroupLimits&),
            CgroupLimits& out) {
  while (!path.empty() && path != "/") {
    read(mount + path, out);
    path.resize(path.find_last_of('/'));
  }
  read(mount, out);
}

}  // namespace

std::optional<std::string> ReadSmallFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

CgroupLimits ReadCgroupLimits(const std::string& root) {
  CgroupLimits out;
  std::istringstream lines(ReadSmallFile(root + "/proc/self/cgroup").value_or(""));
  const std::string mount = root + "/sys/fs/cgroup";
  for (std::string line; std::getline(lines, line);) {  // "id:controllers:/path", v2 as "0::/path"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (!path.starts_with('/')) continue;
    if (controllers.empty()) {
      WalkUp(mount, path, ReadFolderV2, out);
      WalkUp(mount + "/unified", path, ReadFolderV2, out);  // where a v1 machine mounts v2 beside
    } else {
      WalkUp(mount + "/" + controllers, path, ReadFolderV1, out);
      std::istringstream names(controllers);
      for (std::string name; std::getline(names, name, ',');) {
        if ((name == "memory" || name == "cpu") && name != controllers)
          WalkUp(mount + "/" + name, path, ReadFolderV1, out);
      }
    }
  }
  return out;
}

}  // namespace lacuna
