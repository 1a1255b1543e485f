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
  kGeluMul,   // y[0] = gelu(member 0) * member 1, by its tanh approximation
  kResidual,  // y[0] = member 0 + y[0]
};

// Two members make one output.
constexpr bool IsPair(LinearEpilogue epilogue) {
  return epilogue == LinearEpilogue::kSiluMul || epilogue == LinearEpilogue::kGeluMul;
}

struct LinearArgs {
  const LinearSet* set = nullptr;
  View x;  // [rows][K]
  // Row i of the outputs is of row input_rows[i] of x (an expert's rows); empty: of row i.
  std::span<const int32_t> input_rows = {};
  std::span<const View> y;  // [rows][N of the member]
  LinearEpilogue epilogue = LinearEpilogue::kStore;
  std::span<std::byte> workspace;  // LinearWorkspace() bytes, aligned to 64

  int64_t rows() const { return input_rows.empty() ? x.rows : static_cast<int64_t>(input_rows.size()); }
};

// Bytes of workspace for sets of at most max_k inputs.
std::size_t LinearWorkspace(int64_t rows, int64_t max_k, int threads);

Status Validate(const LinearArgs& args);
Status Linear(Backend& backend, const LinearArgs& args);

}  // namespace lacuna
