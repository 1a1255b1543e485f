// A session for many lanes that fits the memory an evaluation may take.
#pragma once

#include <cstdint>

#include "lacuna/evaluate.h"

namespace lacuna {

// Session options for up to `lanes` lanes of `context` tokens: at most options.max_lanes, and no more than fit
// options.memory_bytes and half of what the machine has left. Logits for every row of a pass where memory allows, for
// every lane at the least.
SessionOptions FitSession(const Model& model, int64_t context, int64_t lanes, const EvalOptions& options);

// Opens every lane of the session: 0, 1, ..
Status OpenLanes(Session& session);

inline bool IsCancelled(const EvalOptions& options) {
  return options.cancel != nullptr && options.cancel->load(std::memory_order_relaxed);
}

}  // namespace lacuna
