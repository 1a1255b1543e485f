// Rotary position embedding on the halves of each head, or of its first dimensions, in place (Su et al., RoFormer,
// 2021; Hugging Face's rotate_half order).
#pragma once

#include "backend/backend.h"
#include "lacuna/status.h"

namespace lacuna {

struct RopeArgs {
  View x;  // [rows][heads * head_dim]
  int heads = 0;
  int head_dim = 0;
  View cos;  // [rows][n / 2], for each row's position; n <= head_dim: the first n dimensions of a head turn
  View sin;
};

Status Validate(const RopeArgs& args);
Status Rope(Backend& backend, const RopeArgs& args);

}  // namespace lacuna
