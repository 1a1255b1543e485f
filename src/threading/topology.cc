#include "threading/topology.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>

#include "base/cgroup.h"

namespace lacuna {
namespace {

// "48K", "2M", "480M" as bytes.
int64_t ParseCacheSize(const std::string& text) {
  char* end = nullptr;
  const int64_t value = std::strtoll(text.c_str(), &end, 10);
  if (*end == 'K') return value << 10;
  if (*end == 'M') return value << 20;
  return *end == 'G' ? value << 30 : value;
}

void ReadCaches(const std::string& folder, Topology& topology) {
  for (int index = 0; index < 8; ++index) {
    const std::string cache = folder + "/cache/index" + std::to_string(index);
    const auto level = ReadSmallFile(cache + "/level"), type = ReadSmallFile(cache + "/type");
    const auto size = ReadSmallFile(cache + "/size");
    if (!level || !type || !size || type->starts_with("Instruction")) continue;
    int64_t* const levels[] = {&topology.l1d_bytes, &topology.l2_bytes, &topology.l3_bytes};
    const int number = std::atoi(level->c_str());
    if (number >= 1 && number <= 3) *levels[number - 1] = ParseCacheSize(*size);
  }
}

// "always [madvise] never" -> "madvise".
std::string Chosen(const std::string& text) {
  const size_t open = text.find('['), close = text.find(']');
  return open == std::string::npos || close == std::string::npos || close < open
             ? ""
             : text.substr(open + 1, close - open - 1);
}

}  // namespace

std::vector<int> ParseCpuList(const std::string& text) {
  std::vector<int> cpus;
  const char* at = text.c_str();
  while (*at >= '0' && *at <= '9') {
    char* end = nullptr;
    const long first = std::strtol(at, &end, 10);
    long last = first;
    if (*end == '-') last = std::strtol(end + 1, &end, 10);
    if (first > last || last >= 1 << 20) break;
    for (long cpu = first; cpu <= last; ++cpu) cpus.push_back(static_cast<int>(cpu));
    at = *end == ',' ? end + 1 : end;
  }
  return cpus;
}

std::vector<int> AffinityMask() {
  // The kernel refuses (EINVAL) a mask smaller than its own: grow until it fits.
  for (int bits = 1024; bits <= 1 << 18; bits *= 2) {
    cpu_set_t* set = CPU_ALLOC(bits);
    if (set == nullptr) break;
    const size_t size = CPU_ALLOC_SIZE(bits);
    std::vector<int> cpus;
    const bool read = sched_getaffinity(0, size, set) == 0;
    const int error = errno;
    for (int cpu = 0; read && cpu < bits; ++cpu) {
      if (CPU_ISSET_S(cpu, size, set)) cpus.push_back(cpu);
    }
    CPU_FREE(set);
    if (read) return cpus;
    if (error != EINVAL) break;
  }
  return {0};
}

Topology ReadTopology(const std::string& root, const std::vector<int>& affinity) {
  Topology topology;
  topology.cpus = affinity.empty() ? std::vector<int>{0} : affinity;
  std::sort(topology.cpus.begin(), topology.cpus.end());
  const std::string system = root + "/sys/devices/system";
  const auto online = ParseCpuList(ReadSmallFile(system + "/cpu/online").value_or(""));
  topology.online = std::max<int>(online.size(), topology.cpus.size());

  std::map<int, std::vector<int>> cores;  // keyed by the core's first sibling, in the mask or not
  for (int cpu : topology.cpus) {
    const std::string file = system + "/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list";
    const auto siblings = ParseCpuList(ReadSmallFile(file).value_or(""));
    cores[siblings.empty() ? cpu : siblings.front()].push_back(cpu);
  }
  for (auto& [first, cpus] : cores) topology.cores.push_back(std::move(cpus));

  topology.quota = ReadCgroupLimits(root).cpu_quota;
  ReadCaches(system + "/cpu/cpu" + std::to_string(topology.cpus.front()), topology);
  const auto nodes = ParseCpuList(ReadSmallFile(system + "/node/online").value_or(""));
  topology.numa_nodes = std::max<int>(1, nodes.size());
  topology.huge_pages = Chosen(ReadSmallFile(root + "/sys/kernel/mm/transparent_hugepage/enabled").value_or(""));
  return topology;
}

int DefaultThreadCount(const Topology& topology) {
  const int cores = topology.cores.size();
  int threads = cores < 4 ? static_cast<int>(topology.cpus.size()) : cores;
  // A quota is met by stopping every thread for the rest of the period, so rounding it up costs more than it gives.
  if (topology.quota && *topology.quota < threads) threads = static_cast<int>(*topology.quota);
  return std::max(1, threads);
}

}  // namespace lacuna
