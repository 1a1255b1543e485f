// How much memory this process can still get, for errors that say so before the kernel kills it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

// The smallest of MemAvailable, what the control groups leave, and what `ulimit -v` and `-d` leave. When none can be
// read, a quarter of the address space: no check is better than a wrong one. `root` is the file system's root, "" for
// the real one.
uint64_t BytesAvailable(const std::string& root = "");
// What may be touched before the kernel kills somebody: with the swap that is free, and without `ulimit`, which only
// makes allocations fail.
uint64_t BytesWithSwap(const std::string& root = "");

// kOutOfMemory when `bytes` are more than `available`: names the purpose and both sizes.
Status CheckMemoryFor(uint64_t bytes, uint64_t available, std::string_view what);

// "1.50 GiB", "640 KiB", "12 bytes".
std::string FormatBytes(uint64_t bytes);

}  // namespace lacuna
