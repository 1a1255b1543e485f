// A pass as the decoder sees it: rows with positions, planned by the session. All vectors keep their capacity, so that
// planning a pass allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "model/kv/lane_state.h"
#include "model/kv/tree_stage.h"
#include "ops/attention.h"
#include "ops/kv_write.h"

namespace lacuna {

struct PlannedRow {
  int64_t position = 0;
  LaneState* lane = nullptr;
  int node = -1;  // in the tree stage; -1: stored in the lane's pages at once
};

struct Pass {
  std::vector<int32_t> tokens;
  std::vector<PlannedRow> rows;
  std::vector<int> logit_rows;  // ascending
  TreeStage* tree = nullptr;

  // Filled for one stream at a time.
  std::vector<PageCopy> copies;
  std::vector<KvTarget> targets;
  std::vector<AttentionRow> attention;

  void Reserve(int max_rows, const TreeStage& stage);
  void Clear();
  // Sets copies, targets and attention for `stream`.
  void Select(int stream);
};

}  // namespace lacuna
