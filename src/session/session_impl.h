// What a Session owns: lanes, the plan of the last pass, and scratch for the largest one.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "grammar/guide.h"
#include "lacuna/session.h"
#include "model/decoder.h"
#include "model/model_impl.h"

namespace lacuna {

struct Session::Impl {
  Impl(std::shared_ptr<const Model> m, const SessionOptions& o, const KvShape& s)
      : model(std::move(m)), options(o), shape(s) {}
  ~Impl();

  struct Lane {
    std::unique_ptr<LaneState> state;  // null: the lane is closed
    std::vector<int32_t> tokens;       // committed
    int first_row = -1;                // pending rows of the last pass; -1: none
    int last_row = -1;
    int pending = 0;
    bool chain = true;  // each pending row follows the one before it: stored in the lane's pages already
  };

  Status CheckLane(LaneId lane) const;
  // Fills `pass` and the lanes' pending rows, or says what is wrong with the rows; changes nothing then.
  Status Plan(std::span<const PassRow> rows);
  Status CheckRows(std::span<const PassRow> rows);
  void DropPending(Lane& lane);
  // The row that `row` follows, or -1 for the committed tokens.
  int Parent(int row) const { return parents[static_cast<std::size_t>(row)]; }

  const Model::Impl& m() const { return model->impl(); }

  std::shared_ptr<const Model> model;
  SessionOptions options;
  KvShape shape;
  int64_t reserved_pages = 0;
  std::vector<Lane> lanes;
  Pass pass;
  std::vector<PassRow> rows;  // of the last pass
  std::vector<int> parents;
  TreeStage tree;
  DecoderScratch scratch;
  std::optional<Decoder> decoder;
  std::unique_ptr<Guide> guide;  // of the last grammar, whose masks are worth keeping
};

}  // namespace lacuna
