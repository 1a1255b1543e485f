// Planning a pass: rows are checked whole before anything changes, then given positions and places for their K and V.
#include <string>

#include "base/status_macros.h"
#include "session/session_impl.h"

namespace lacuna {
namespace {

Status BadRow(std::size_t row, const std::string& why) {
  return InvalidInput("row " + std::to_string(row) + " of the pass " + why);
}

}  // namespace

Status Session::Impl::CheckRows(std::span<const PassRow> new_rows) {
  const int vocab = m().config.vocab_size;
  int logit_rows = 0;
  for (std::size_t i = 0; i < new_rows.size(); ++i) {
    const PassRow& row = new_rows[i];
    if (Status s = CheckLane(row.lane); !s.ok())
      return BadRow(i, "names lane " + std::to_string(row.lane) + ", which is not open");
    if (row.token < 0 || row.token >= vocab) {
      return BadRow(
          i, "has token id " + std::to_string(row.token) + ", outside the vocabulary of " + std::to_string(vocab));
    }
    if (row.parent < PassRow::kRoot || row.parent >= static_cast<int>(i) ||
        (row.parent >= 0 && new_rows[static_cast<std::size_t>(row.parent)].lane != row.lane)) {
      return BadRow(i, "follows row " + std::to_string(row.parent) + ", which is not an earlier row of its lane");
    }
    if (lanes[static_cast<std::size_t>(row.lane)].pending > 0) {
      return BadRow(i, "belongs to lane " + std::to_string(row.lane) +
                           ", whose rows of the last pass are neither committed nor rolled back");
    }
    logit_rows += row.want_logits;
  }
  if (logit_rows > options.max_logits) {
    return InvalidInput(std::to_string(logit_rows) + " rows of the pass want logits, the session's max_logits is " +
                        std::to_string(options.max_logits));
  }
  return {};
}

Status Session::Impl::Plan(std::span<const PassRow> new_rows) {
  if (new_rows.empty() || static_cast<int>(new_rows.size()) > options.max_rows) {
    return InvalidInput("a pass has 1 to " + std::to_string(options.max_rows) + " rows, not " +
                        std::to_string(new_rows.size()));
  }
  LACUNA_RETURN_IF_ERROR(CheckRows(new_rows));
  if (new_rows.data() != rows.data()) rows.assign(new_rows.begin(), new_rows.end());

  // Parents and the shape of each lane's rows: a chain, or a tree.
  const auto undo = [this] {
    for (Lane& lane : lanes) {
      if (lane.pending == 0) continue;
      lane.pending = 0;
      lane.first_row = lane.last_row = -1;
      lane.chain = true;
    }
  };
  parents.clear();
  for (Lane& lane : lanes) {
    if (lane.pending == 0) lane.chain = true;
  }
  // Lanes outside this pass keep their pending rows only until the next one: their row numbers would go stale.
  for (Lane& lane : lanes) {
    if (lane.pending > 0) {
      return InvalidInput("lane " + std::to_string(&lane - lanes.data()) +
                          " has rows of the last pass that are neither committed nor rolled back");
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const PassRow& row = rows[i];
    Lane& lane = lanes[static_cast<std::size_t>(row.lane)];
    int parent = row.parent;
    if (parent == PassRow::kRoot) parent = -1;
    if (row.parent == PassRow::kChain) parent = lane.last_row;
    if (parent != lane.last_row) lane.chain = false;
    parents.push_back(parent);
    if (lane.first_row < 0) lane.first_row = static_cast<int>(i);
    lane.last_row = static_cast<int>(i);
    ++lane.pending;
  }

  pass.Clear();
  tree.Clear();
  int tree_rows = 0;
  for (const Lane& lane : lanes) tree_rows += lane.chain ? 0 : lane.pending;
  if (tree_rows > tree.max_rows()) {
    undo();
    return InvalidInput(std::to_string(tree_rows) + " rows of the pass branch, the session's max_tree_rows is " +
                        std::to_string(tree.max_rows()));
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const LaneState& state = *lanes[static_cast<std::size_t>(rows[i].lane)].state;
    const int64_t position =
        parents[i] < 0 ? state.length() : pass.rows[static_cast<std::size_t>(parents[i])].position + 1;
    if (position >= options.context_length) {
      undo();
      return InvalidInput("the context of " + std::to_string(options.context_length) + " tokens is full");
    }
    pass.tokens.push_back(rows[i].token);
    pass.rows.push_back({.position = position, .lane = lanes[static_cast<std::size_t>(rows[i].lane)].state.get()});
    if (rows[i].want_logits) pass.logit_rows.push_back(static_cast<int>(i));
  }

  for (Lane& lane : lanes) {
    if (lane.pending > 0 && lane.chain) lane.state->MakeWritable(lane.pending);
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Lane& lane = lanes[static_cast<std::size_t>(rows[i].lane)];
    if (lane.chain) continue;
    const int parent = parents[i] < 0 ? -1 : pass.rows[static_cast<std::size_t>(parents[i])].node;
    pass.rows[i].node = tree.Add(*lane.state, static_cast<int>(i), parent);
  }
  return {};
}

}  // namespace lacuna
