// Rotary position embedding on the halves of each head, in place (Su et al., RoFormer, 2021; Hugging Face's
// rotate_half order).
#pragma once

#include "backend/backend.h"
#include "lacuna/status.h"

namespace lacuna {

struct RopeArgs {
  View x;  // [rows][heads * head_dim]
  int heads = 0;
  int head_dim = 0;
  View cos;  // [rows][head_dim / 2], for each row's position
  View sin;
};

Status Validate(const RopeArgs& args);
Status Rope(Backend& backend, const RopeArgs& args);

}  // namespace lacuna
