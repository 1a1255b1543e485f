// Threads for oneTBB, which loads, packs and compresses: never more than processors, as it speaks up when asked for
// them.
#pragma once

#include <algorithm>

#include "threading/topology.h"

namespace lacuna {

inline int ArenaThreadCount(int threads) {
  return std::clamp(threads, 1, std::max(1, static_cast<int>(AffinityMask().size())));
}

}  // namespace lacuna
