#include "lacuna/session.h"

#include <algorithm>
#include <string>

#include "base/fp_scope.h"
#include "base/status_macros.h"
#include "session/session_impl.h"

namespace lacuna {

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() = default;
const Model& Session::model() const { return *impl_->model; }
const SessionOptions& Session::options() const { return impl_->options; }

Session::Impl::~Impl() {
  lanes.clear();
  if (reserved_pages > 0) m().pages->Unreserve(reserved_pages);
}

Result<std::unique_ptr<Session>> Session::Create(std::shared_ptr<const Model> model, const SessionOptions& options) {
  if (model == nullptr) return InvalidInput("a session needs a model");
  const Model::Impl& m = model->impl();
  SessionOptions o = options;
  if (o.context_length == 0) o.context_length = m.config.max_position_embeddings;
  const auto positive = [](int64_t value, int64_t max, const char* name) -> Status {
    if (value >= 1 && value <= max) return {};
    return InvalidInput("session option " + std::string(name) + " is " + std::to_string(value) + ", expected 1 to " +
                        std::to_string(max));
  };
  LACUNA_RETURN_IF_ERROR(positive(o.context_length, int64_t{1} << 24, "context_length"));
  LACUNA_RETURN_IF_ERROR(positive(o.max_lanes, 1 << 16, "max_lanes"));
  LACUNA_RETURN_IF_ERROR(positive(o.max_rows, 1 << 16, "max_rows"));
  LACUNA_RETURN_IF_ERROR(positive(o.max_logits, o.max_rows, "max_logits"));
  LACUNA_RETURN_IF_ERROR(positive(int64_t{o.max_tree_rows} + 1, int64_t{o.max_rows} + 1, "max_tree_rows + 1"));

  const KvShape shape{m.kv_layout, m.weights.kv_streams, o.context_length};
  auto impl = std::make_unique<Impl>(model, o, shape);
  const int64_t pages = impl->shape.PagesPerLane() * o.max_lanes;
  LACUNA_RETURN_IF_ERROR(m.pages->Reserve(pages));
  impl->reserved_pages = pages;
  impl->lanes.resize(static_cast<std::size_t>(o.max_lanes));
  LACUNA_ASSIGN_OR_RETURN(impl->tree, TreeStage::Create(impl->shape, o.max_tree_rows));
  LACUNA_ASSIGN_OR_RETURN(impl->scratch,
                          DecoderScratch::Create(m.config, impl->shape, o.max_rows, o.max_logits, m.team->workers()));
  impl->pass.Reserve(o.max_rows, impl->tree);
  impl->pass.tree = &impl->tree;
  impl->rows.reserve(static_cast<std::size_t>(o.max_rows));
  impl->parents.reserve(static_cast<std::size_t>(o.max_rows));
  impl->decoder.emplace(m.config, m.weights, *m.backend);
  return std::unique_ptr<Session>(new Session(std::move(impl)));
}

Status Session::Impl::CheckLane(LaneId lane) const {
  if (lane >= 0 && lane < static_cast<LaneId>(lanes.size()) && lanes[static_cast<std::size_t>(lane)].state) return {};
  return InvalidInput("lane " + std::to_string(lane) + " is not open");
}

Result<LaneId> Session::NewLane() {
  for (std::size_t i = 0; i < impl_->lanes.size(); ++i) {
    if (impl_->lanes[i].state) continue;
    impl_->lanes[i] = {};
    impl_->lanes[i].state = std::make_unique<LaneState>(*impl_->m().pages, impl_->shape);
    impl_->lanes[i].tokens.reserve(static_cast<std::size_t>(impl_->options.context_length));
    return static_cast<LaneId>(i);
  }
  return InvalidInput("all " + std::to_string(impl_->lanes.size()) + " lanes of the session are open: raise max_lanes");
}

Result<LaneId> Session::Fork(LaneId lane) {
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane));
  LACUNA_ASSIGN_OR_RETURN(const LaneId copy, NewLane());
  const Impl::Lane& from = impl_->lanes[static_cast<std::size_t>(lane)];
  Impl::Lane& to = impl_->lanes[static_cast<std::size_t>(copy)];
  to.state->ForkFrom(*from.state);
  to.tokens.assign(from.tokens.begin(), from.tokens.end());
  return copy;
}

Status Session::CloseLane(LaneId lane) {
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane));
  impl_->lanes[static_cast<std::size_t>(lane)] = {};
  return {};
}

Result<int64_t> Session::Length(LaneId lane) const {
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane));
  return impl_->lanes[static_cast<std::size_t>(lane)].state->length();
}

Result<std::span<const int32_t>> Session::Tokens(LaneId lane) const {
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane));
  return std::span<const int32_t>(impl_->lanes[static_cast<std::size_t>(lane)].tokens);
}

Result<Logits> Session::Run(std::span<const PassRow> rows) {
  Impl& s = *impl_;
  LACUNA_RETURN_IF_ERROR(s.Plan(rows));
  const TeamLock lock(*s.m().team);
  const FpScope fp;
  if (Status status = s.decoder->Forward(s.pass, s.shape.layout, s.scratch); !status.ok()) {
    for (Impl::Lane& lane : s.lanes) {
      if (lane.pending > 0 && lane.chain) {
        lane.state->ClearSlots(lane.state->length(), lane.state->length() + lane.pending);
      }
      if (lane.pending > 0) s.DropPending(lane);
    }
    return status;
  }
  const View& logits = s.scratch.logits;
  return Logits(logits.Row(0), static_cast<int>(s.pass.logit_rows.size()), s.m().config.vocab_size, logits.stride);
}

void Session::Impl::DropPending(Lane& lane) {
  lane.first_row = lane.last_row = -1;
  lane.pending = 0;
  lane.chain = true;
  lane.state->Rollback(lane.state->length());
}

Status Session::Commit(LaneId lane_id, std::span<const int> path) {
  Impl& s = *impl_;
  LACUNA_RETURN_IF_ERROR(s.CheckLane(lane_id));
  Impl::Lane& lane = s.lanes[static_cast<std::size_t>(lane_id)];
  int before = -1;
  for (int row : path) {
    const bool pending = lane.pending > 0 && row >= lane.first_row && row <= lane.last_row &&
                         s.rows[static_cast<std::size_t>(row)].lane == lane_id;
    if (!pending || s.Parent(row) != before) {
      return InvalidInput("commit: row " + std::to_string(row) + " of the last pass is not a pending row of lane " +
                          std::to_string(lane_id) + " that follows the path before it");
    }
    before = row;
  }
  const int64_t length = lane.state->length() + static_cast<int64_t>(path.size());
  if (!lane.chain && !path.empty()) {
    lane.state->MakeWritable(static_cast<int64_t>(path.size()));
    for (int row : path) {
      s.tree.Store(s.pass.rows[static_cast<std::size_t>(row)].node, s.shape.layout, s.shape.streams, *lane.state);
    }
  }
  lane.state->Commit(length);
  for (int row : path) lane.tokens.push_back(s.rows[static_cast<std::size_t>(row)].token);
  s.DropPending(lane);
  return {};
}

Status Session::Commit(LaneId lane_id) {
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane_id));
  Impl::Lane& lane = impl_->lanes[static_cast<std::size_t>(lane_id)];
  if (!lane.chain) return InvalidInput("commit: the pending rows branch: name the path to keep");
  lane.state->Commit(lane.state->length() + lane.pending);
  for (int row = lane.first_row; row >= 0 && row <= lane.last_row; ++row) {
    const PassRow& committed = impl_->rows[static_cast<std::size_t>(row)];
    if (committed.lane == lane_id) lane.tokens.push_back(committed.token);
  }
  impl_->DropPending(lane);
  return {};
}

Status Session::Rollback(LaneId lane_id, int64_t length) {
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane_id));
  Impl::Lane& lane = impl_->lanes[static_cast<std::size_t>(lane_id)];
  if (length < 0 || length > lane.state->length()) {
    return InvalidInput("rollback to " + std::to_string(length) + " tokens, but the lane holds " +
                        std::to_string(lane.state->length()));
  }
  impl_->DropPending(lane);
  lane.state->Rollback(length);
  lane.tokens.resize(static_cast<std::size_t>(length));
  return {};
}

Result<Logits> Session::Append(LaneId lane, std::span<const int32_t> tokens) {
  if (tokens.empty()) return InvalidInput("append: no tokens");
  LACUNA_RETURN_IF_ERROR(impl_->CheckLane(lane));
  // All or nothing: a text that does not fit is refused before the first piece runs.
  const int64_t length = impl_->lanes[static_cast<std::size_t>(lane)].state->length();
  if (static_cast<int64_t>(tokens.size()) > impl_->options.context_length - length) {
    return InvalidInput("the text has " + std::to_string(tokens.size()) + " tokens, but the context of " +
                        std::to_string(impl_->options.context_length) + " has room for " +
                        std::to_string(impl_->options.context_length - length) + " more");
  }
  std::vector<PassRow>& piece = impl_->rows;
  Result<Logits> logits = Logits();
  for (std::size_t at = 0; at < tokens.size();) {
    const std::size_t n = std::min(tokens.size() - at, static_cast<std::size_t>(impl_->options.max_rows));
    piece.clear();
    for (std::size_t i = 0; i < n; ++i) {
      piece.push_back({.token = tokens[at + i], .lane = lane, .want_logits = at + i + 1 == tokens.size()});
    }
    logits = Run(piece);
    Status status = logits.ok() ? Commit(lane) : logits.status();
    if (!status.ok()) {
      if (at > 0) (void)Rollback(lane, length);
      return status;
    }
    at += n;
  }
  return logits;
}

}  // namespace lacuna
