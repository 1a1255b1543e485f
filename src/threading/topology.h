// What this process may run on: processors of its affinity mask, physical cores, quota, caches, memory nodes and huge
// pages. Read from /sys, /proc and the control groups; `root` is the file system's root, "" for the real one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lacuna {

struct Topology {
  std::vector<int> cpus;                // logical processors of the affinity mask, ascending
  std::vector<std::vector<int>> cores;  // the same by physical core; a core's first processor ascends
  int online = 1;                       // logical processors of the whole machine
  std::optional<double> quota;          // processors' worth of time that control groups allow
  int64_t l1d_bytes = 0, l2_bytes = 0;  // of one core
  int64_t l3_bytes = 0;                 // of the group of cores around the first
  int numa_nodes = 1;
  std::string huge_pages;  // the chosen word of transparent_hugepage/enabled: always, madvise, never; "" unknown

  // The mask leaves nothing out and no quota takes time away: only then are threads pinned.
  bool WholeMachine() const { return static_cast<int>(cpus.size()) == online && !quota; }
};

// The processors that this thread may run on, ascending.
std::vector<int> AffinityMask();

Topology ReadTopology(const std::string& root, const std::vector<int>& affinity);
inline Topology ReadTopology() { return ReadTopology("", AffinityMask()); }

// Threads to use: one a physical core, but every logical processor where there are fewer than four cores; no more
// than the quota's whole processors; at least one.
int DefaultThreadCount(const Topology& topology);
inline int DefaultThreadCount() { return DefaultThreadCount(ReadTopology()); }

// "0-2,5" as {0,1,2,5}: the kernel's list format. Anything malformed gives what was read before it.
std::vector<int> ParseCpuList(const std::string& text);

}  // namespace lacuna
