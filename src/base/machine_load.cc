#include "base/machine_load.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace lacuna {

std::string PageSizeOf(const void* address, std::size_t bytes, const std::string& root) {
  std::ifstream maps(root + "/proc/self/smaps");
  if (!maps) return "";
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  const std::uintptr_t end = begin + bytes;
  bool inside = false;
  int64_t resident = 0, huge = 0;
  std::string line;
  while (std::getline(maps, line)) {
    // A mapping's first line is "from-to rwxp ..", its others "Name:   number kB".
    const std::size_t dash = line.find('-');
    const std::size_t space = line.find(' ');
    if (dash != std::string::npos && dash < space && line.find(':') > dash) {
      unsigned long long from = 0, to = 0;
      char separator = 0;
      std::istringstream in(line);
      in >> std::hex >> from >> separator >> to;
      inside = from < end && to > begin;
    } else if (inside) {
      std::istringstream in(line);
      std::string name;
      int64_t kib = 0;
      in >> name >> kib;
      if (name == "Rss:") resident += kib;
      if (name == "AnonHugePages:" || name == "ShmemPmdMapped:" || name == "FilePmdMapped:") huge += kib;
    }
  }
  if (resident == 0) return "";
  const double share = static_cast<double>(huge) / static_cast<double>(resident);
  if (share >= 0.9) return "2M";
  return share <= 0.1 ? "4k" : "mixed";
}

int64_t PeakResidentBytes(const std::string& root) {
  std::ifstream status(root + "/proc/self/status");
  std::string name;
  int64_t kib = 0;
  while (status >> name) {
    if (name == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return 0;
}

CpuTimes ReadCpuTimes(const std::string& root) {
  CpuTimes times;
  std::ifstream stat(root + "/proc/stat");
  std::string name;
  double user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
  if (stat >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal && name == "cpu") {
    times.total = user + nice + system + idle + iowait + irq + softirq + steal;
    times.idle = idle + iowait;
    times.steal = steal;
  }
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    times.own_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  }
  return times;
}

LoadShares LoadBetween(const CpuTimes& before, const CpuTimes& after, double ticks_per_second) {
  const double total = after.total - before.total;
  if (total <= 0) return {};
  const double steal = after.steal - before.steal;
  const double busy = total - (after.idle - before.idle) - steal;
  const double own = (after.own_seconds - before.own_seconds) * ticks_per_second;
  return {std::clamp(steal / total, 0.0, 1.0), std::clamp((busy - own) / total, 0.0, 1.0)};
}

LoadShares LoadBetween(const CpuTimes& before, const CpuTimes& after) {
  return LoadBetween(before, after, static_cast<double>(sysconf(_SC_CLK_TCK)));
}

}  // namespace lacuna
