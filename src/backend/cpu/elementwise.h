// Which element-wise kernels a tier runs.
#pragma once

#include "base/cpu_features.h"
#include "kernels/elementwise.h"

namespace lacuna {

// A pure function: the widest vectors that `tier` allows (amx has all of avx512).
inline const kernels::ElementwiseKernels& ElementwiseFor(Tier tier) {
  if (tier >= Tier::kAvx512) return kernels::kElementwiseAvx512;
  return tier >= Tier::kSimd ? kernels::kElementwiseSimd : kernels::kElementwiseRef;
}

}  // namespace lacuna
