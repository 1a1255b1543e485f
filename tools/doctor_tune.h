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

// On a layer of 4096 x 4096 whose weights come from memory, some seconds. Kernels above `tier` keep what ships.
Result<TuneResult> TuneCosts(ThreadTeam& team, const CpuFeatures& features, Tier tier);

// The first of the rows measured from which on a kernel is faster by 2 % or more, each time; kNever when there is none.
// `steps` ascend by rows.
int CrossoverOf(const std::vector<TuneStep>& steps);

}  // namespace lacuna::tools
