// Which tokens of a text are predicted, and from what: the windows of a perplexity (lacuna/evaluate.h has the rules).
#pragma once

#include <cstdint>
#include <vector>

#include "lacuna/evaluate.h"
#include "lacuna/status.h"

namespace lacuna {

// ids[begin..end) run on an empty lane; ids[first..end) are predicted, each from those before it. begin < first < end.
struct Window {
  int64_t begin = 0;
  int64_t first = 0;
  int64_t end = 0;
  int64_t predicted() const { return end - first; }
};

// Fills in window and stride where they are 0 and checks them against the model's context.
Result<PerplexityOptions> ResolveWindows(const PerplexityOptions& options, int64_t context);
// `options` are resolved. kInvalidInput when the text has not one window that predicts.
Result<std::vector<Window>> MakeWindows(int64_t tokens, const PerplexityOptions& options);

}  // namespace lacuna
