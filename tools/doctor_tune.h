// Measures from how many rows on each kernel beats those before it in the catalogue.
#pragma once

#include <string>
#include <vector>

#include "backend/cpu/catalog.h"
#include "threading/thread_team.h"

namespace lacuna::tools {

// One comparison: a kernel against what runs without it.
struct TuneStep {
  std::string kernel, instead;
  int rows = 0;
  double ns = 0, instead_ns = 0;
};

struct TuneResult {
  CostTable costs;
  std::vector<TuneStep> steps;
};

// The layer, and how many bytes of copies are walked through: a decoder's weights come from memory, and a server's L3
// holds hundreds of MiB.
struct TuneSize {
  int channels = 4096, inputs = 4096;
  std::size_t bytes = std::size_t{1} << 30;
  int rounds = 5;
};

// On a layer in bf16 and in each way that packed weights are stored (bitmaps half full), some seconds for each. Kernels
// above `tier` keep what ships.
Result<TuneResult> TuneCosts(ThreadTeam& team, const CpuFeatures& features, Tier tier, const TuneSize& size = {});

// The rows from which on the kernel saves most, in the product of its ratios to what runs without it; 2 % a step is no
// gain. One disturbed figure moves this by a step at most, where "faster from here on, each time" would say never.
// kNever when it saves nothing. `steps` ascend by rows.
int CrossoverOf(const std::vector<TuneStep>& steps);

}  // namespace lacuna::tools
