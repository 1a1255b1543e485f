// Which kernel of kernels/gemm.h a tier runs.
#pragma once

#include "base/cpu_features.h"
#include "kernels/gemm.h"

namespace lacuna {

// A pure function: the widest vectors that `tier` allows (amx has all of avx512).
inline kernels::GemmTileFn GemmTileFor(Tier tier) {
  if (tier >= Tier::kAvx512) return kernels::Avx512GemmTile;
  return tier >= Tier::kSimd ? kernels::SimdGemmTile : kernels::RefGemmTile;
}

}  // namespace lacuna
