// One input times every member of a LinearSet, with what follows the dots fused in. Order in fp32: dot, bias,
// activation, times up, plus residual.
#pragma once

#include <span>

#include "backend/backend.h"
#include "lacuna/status.h"
#include "weights/linear_set.h"

namespace lacuna {

enum class LinearEpilogue {
  kStore,     // y[i] = dot_i + bias_i, a view for each member
  kSiluMul,   // y[0] = silu(member 0) * member 1: gate and up
  kResidual,  // y[0] = member 0 + y[0]
};

struct LinearArgs {
  const LinearSet* set = nullptr;
  View x;                   // [rows][K]
  std::span<const View> y;  // [rows][N of the member]
  LinearEpilogue epilogue = LinearEpilogue::kStore;
  std::span<std::byte> workspace;  // LinearWorkspace() bytes, aligned to 64
};

// Bytes of workspace for sets of at most max_k inputs.
std::size_t LinearWorkspace(int64_t rows, int64_t max_k, int threads);

Status Validate(const LinearArgs& args);
Status Linear(Backend& backend, const LinearArgs& args);

}  // namespace lacuna
