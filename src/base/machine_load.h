// What a figure was taken on: pages behind an address, memory used at most, and what else the machine did meanwhile.
// Every function takes the root of the file system, "" for the real one, so that tests can lay out machines nobody has.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace lacuna {

// "2M" when at least nine tenths of the resident bytes of [address, address + bytes) are in huge pages, "4k" when at
// most one tenth is, "mixed" between; "" when /proc/self/smaps cannot be read.
std::string PageSizeOf(const void* address, std::size_t bytes, const std::string& root = "");

// The most memory this process has had resident, files mapped included; 0 when unknown.
int64_t PeakResidentBytes(const std::string& root = "");

// Processor time of the whole machine, in ticks, and of this process, in seconds, at one moment.
struct CpuTimes {
  double total = 0;  // ticks of all processors, idle included
  double idle = 0;   // .. and waiting for I/O
  double steal = 0;  // .. taken by the host for others
  double own_seconds = 0;
};
CpuTimes ReadCpuTimes(const std::string& root = "");

// Shares of the machine's processor time between two moments, 0 to 1.
struct LoadShares {
  double steal = 0;  // taken by the host
  double other = 0;  // used by other processes of this machine
};
LoadShares LoadBetween(const CpuTimes& before, const CpuTimes& after, double ticks_per_second);
LoadShares LoadBetween(const CpuTimes& before, const CpuTimes& after);

}  // namespace lacuna
