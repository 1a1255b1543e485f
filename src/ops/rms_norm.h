// y = x / sqrt(mean(x^2) + eps) * weight, over each of `groups` equal parts of a row (1: the row; heads: q/k norms).
// With plus_residual y += that instead, and x is left normalized.
// Zhang and Sennrich, Root Mean Square Layer Normalization (2019).
#pragma once

#include "backend/backend.h"
#include "lacuna/status.h"

namespace lacuna {

struct RmsNormArgs {
  View x;                         // [rows][groups * n]
  View y;                         // the same; may be x
  const float* weight = nullptr;  // n values
  float eps = 0;
  int groups = 1;
  bool plus_residual = false;  // x and y are then two views
};

Status Validate(const RmsNormArgs& args);
Status RmsNorm(Backend& backend, const RmsNormArgs& args);

}  // namespace lacuna
