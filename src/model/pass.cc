#include "model/pass.h"

namespace lacuna {

void Pass::Reserve(int max_rows, const TreeStage& stage) {
  const auto n = static_cast<std::size_t>(max_rows);
  tokens.reserve(n);
  rows.reserve(n);
  logit_rows.reserve(n);
  attention.reserve(n);
  copies.reserve(static_cast<std::size_t>(stage.MaxCopies()));
  targets.reserve(n + static_cast<std::size_t>(stage.MaxTargets()));
}

void Pass::Clear() {
  tokens.clear();
  rows.clear();
  logit_rows.clear();
}

void Pass::Select(int stream) {
  copies.clear();
  targets.clear();
  attention.clear();
  if (tree != nullptr && tree->size() > 0) tree->Gather(stream, copies, targets);
  for (int i = 0; i < static_cast<int>(rows.size()); ++i) {
    const PlannedRow& row = rows[static_cast<std::size_t>(i)];
    if (row.node >= 0) {
      attention.push_back({tree->pages(row.node), row.position});
      continue;
    }
    void* const* pages = row.lane->pages(stream);
    targets.push_back({i, pages[row.position / 64], static_cast<int>(row.position % 64)});
    attention.push_back({pages, row.position});
  }
}

}  // namespace lacuna
