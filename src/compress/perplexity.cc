// Perplexity and divergence. Passes are filled with rows of one window after another, several windows side by side, so
// that they have max_rows rows whatever a window's length; what a row contributes depends on its window alone, and the
// windows are added up in the order of the text, so the result does not depend on the filling.
#include <algorithm>

#include "backend/cpu/elementwise.h"
#include "base/status_macros.h"
#include "compress/batch.h"
#include "compress/begin_token.h"
#include "compress/statistics.h"
#include "compress/windows.h"
#include "model/model_impl.h"
#include "session/log_softmax.h"

namespace lacuna {
namespace {

// What one window adds.
struct WindowSums {
  Moments nll;         // -log Q(token)
  Moments reference;   // -log P(token)
  Moments difference;  // -log Q(token) + log P(token)
  Moments kl;
  int64_t same_top = 0;
};

struct RowScore {
  double nll = 0;
  double reference = 0;
  double kl = 0;
  bool same_top = false;
};

struct RowTarget {
  std::size_t window;
  int32_t token;  // that stands behind the row
};

// A window in progress on a lane.
struct Progress {
  std::size_t window = 0;
  int64_t next = 0;  // id to run
  bool busy = false;
};

struct Scratch {
  LogSoftmax model;
  LogSoftmax reference;
};

class WindowRunner {
 public:
  WindowRunner(Session& model, Session* reference, std::span<const int32_t> ids, std::vector<Window> windows,
               std::optional<int32_t> begin_token, const EvalOptions& options)
      : model_(model),
        reference_(reference),
        ids_(ids),
        windows_(std::move(windows)),
        begin_token_(begin_token),
        options_(options),
        team_(*model.model().impl().team),
        lanes_(static_cast<std::size_t>(model.options().max_lanes)),
        sums_(windows_.size()) {
    const Model::Impl& m = model.model().impl();
    const LogSoftmax one(m.config.vocab_size, ElementwiseFor(m.tier));
    for (int i = 0; i < team_.workers(); ++i) scratch_.push_back({one, one});
    for (const Window& w : windows_) total_ += w.end - 1 - w.begin;
  }

  Status Run() {
    while (done_ < total_) {
      if (IsCancelled(options_)) return Cancelled();
      FillPass();
      LACUNA_RETURN_IF_ERROR(RunPass());
      done_ += static_cast<int64_t>(rows_.size());
      if (options_.progress) options_.progress(done_, total_);
    }
    return {};
  }

  WindowSums Total() const {
    WindowSums total;
    for (const WindowSums& w : sums_) {
      total.nll += w.nll;
      total.reference += w.reference;
      total.difference += w.difference;
      total.kl += w.kl;
      total.same_top += w.same_top;
    }
    return total;
  }
  std::vector<float>* kl_values() { return &kl_values_; }

 private:
  void FillPass() {
    rows_.clear();
    targets_.clear();
    for (std::size_t lane = 0; lane < lanes_.size() && !Full(); ++lane) {
      Progress& p = lanes_[lane];
      if (!p.busy) {
        if (next_window_ == windows_.size()) continue;
        p = {next_window_, windows_[next_window_].begin, true};
        ++next_window_;
      }
      AddRows(static_cast<LaneId>(lane), &p);
    }
  }

  bool Full() const {
    return static_cast<int>(rows_.size()) >= model_.options().max_rows ||
           static_cast<int>(targets_.size()) >= model_.options().max_logits;
  }

  // The last token of a window predicts nothing that counts and is not run.
  void AddRows(LaneId lane, Progress* p) {
    const Window& w = windows_[p->window];
    for (; p->next + 1 < w.end && !Full(); ++p->next) {
      const auto at = static_cast<std::size_t>(p->next);
      const bool counts = p->next + 1 >= w.first;
      const int32_t token = p->next == w.begin ? begin_token_.value_or(ids_[at]) : ids_[at];
      rows_.push_back({.token = token, .lane = lane, .want_logits = counts});
      if (counts) targets_.push_back({p->window, ids_[at + 1]});
    }
  }

  Status RunPass() {
    LACUNA_ASSIGN_OR_RETURN(const Logits logits, model_.Run(rows_));
    Logits against;
    if (reference_ != nullptr) {
      LACUNA_ASSIGN_OR_RETURN(against, reference_->Run(rows_));
    }
    scores_.resize(targets_.size());
    team_.ParallelFor(static_cast<int64_t>(targets_.size()), [&](int64_t begin, int64_t end, int worker) {
      for (int64_t i = begin; i < end; ++i) {
        scores_[static_cast<std::size_t>(i)] =
            ScoreRow(logits, against, static_cast<int>(i), &scratch_[static_cast<std::size_t>(worker)]);
      }
    });
    for (std::size_t i = 0; i < targets_.size(); ++i) AddScore(scores_[i], &sums_[targets_[i].window]);
    return CommitPass();
  }

  RowScore ScoreRow(const Logits& logits, const Logits& against, int row, Scratch* scratch) const {
    const auto token = static_cast<std::size_t>(targets_[static_cast<std::size_t>(row)].token);
    const std::span<const float> q = logits[row];
    const double q_log_sum = scratch->model.LogSum(q);
    RowScore score{.nll = q_log_sum - q[token]};
    if (reference_ == nullptr) return score;
    const std::span<const float> p = against[row];
    const double p_log_sum = scratch->reference.LogSum(p);
    score.reference = p_log_sum - p[token];
    // Rounding may leave a divergence of nothing below 0.
    score.kl = std::max(0.0, KlDivergence(scratch->reference, p, p_log_sum, q, q_log_sum));
    score.same_top = scratch->reference.top() == scratch->model.top();
    return score;
  }

  void AddScore(const RowScore& score, WindowSums* sums) {
    sums->nll.Add(score.nll);
    if (reference_ == nullptr) return;
    sums->reference.Add(score.reference);
    sums->difference.Add(score.nll - score.reference);
    sums->kl.Add(score.kl);
    sums->same_top += score.same_top;
    kl_values_.push_back(static_cast<float>(score.kl));
  }

  Status CommitPass() {
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      Progress& p = lanes_[lane];
      if (!p.busy) continue;
      const auto id = static_cast<LaneId>(lane);
      const bool finished = p.next + 1 >= windows_[p.window].end;
      for (Session* session : {&model_, reference_}) {
        if (session == nullptr) continue;
        LACUNA_RETURN_IF_ERROR(session->Commit(id));
        if (finished) LACUNA_RETURN_IF_ERROR(session->Rollback(id, 0));
      }
      if (finished) p.busy = false;
    }
    return {};
  }

  Session& model_;
  Session* reference_;
  const std::span<const int32_t> ids_;
  const std::vector<Window> windows_;
  const std::optional<int32_t> begin_token_;
  const EvalOptions& options_;
  ThreadTeam& team_;
  std::vector<Progress> lanes_;
  std::vector<WindowSums> sums_;
  std::vector<float> kl_values_;
  std::vector<Scratch> scratch_;  // one a worker
  std::size_t next_window_ = 0;
  int64_t done_ = 0, total_ = 0;
  std::vector<PassRow> rows_;
  std::vector<RowTarget> targets_;
  std::vector<RowScore> scores_;
};

Status CheckIds(std::span<const int32_t> ids, const Model& model) {
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (ids[i] >= 0 && ids[i] < model.info().vocab_size) continue;
    return InvalidInput("token " + std::to_string(i) + " of the text has id " + std::to_string(ids[i]) +
                        ", outside the vocabulary of " + std::to_string(model.info().vocab_size) + " of " +
                        model.info().directory);
  }
  return {};
}

}  // namespace

Result<PerplexityReport> EvaluatePerplexity(std::shared_ptr<const Model> model, std::shared_ptr<const Model> reference,
                                            std::span<const int32_t> ids, const PerplexityOptions& options,
                                            const EvalOptions& eval) {
  const ModelInfo& info = model->info();
  int64_t context = info.context_length;
  if (reference) {
    if (reference->info().vocab_size != info.vocab_size) {
      return InvalidInput(info.directory + " has a vocabulary of " + std::to_string(info.vocab_size) +
                          " tokens and the reference " + reference->info().directory + " of " +
                          std::to_string(reference->info().vocab_size) + ": their distributions cannot be compared");
    }
    context = std::min(context, reference->info().context_length);
  }
  LACUNA_RETURN_IF_ERROR(CheckIds(ids, *model));
  PerplexityReport report;
  LACUNA_ASSIGN_OR_RETURN(report.options, ResolveWindows(options, context));
  LACUNA_ASSIGN_OR_RETURN(std::vector<Window> windows, MakeWindows(static_cast<int64_t>(ids.size()), report.options));
  std::optional<int32_t> begin_token;
  if (options.rule == CountingRule::kLlamaCpp && model->tokenizer()) {
    LACUNA_ASSIGN_OR_RETURN(begin_token, BeginToken(*model->tokenizer()));
  }

  // As many lanes as fill a pass, one of them half done.
  const int64_t rows = std::max<int64_t>(1, report.options.window - 1);
  const int64_t lanes = std::min<int64_t>(static_cast<int64_t>(windows.size()), eval.session.max_rows / rows + 2);
  SessionOptions session_options = FitSession(*model, report.options.window, lanes, eval);
  if (reference) {
    EvalOptions half = eval;
    half.memory_bytes /= 2;
    session_options = FitSession(*model, report.options.window, lanes, half);
    const SessionOptions other = FitSession(*reference, report.options.window, lanes, half);
    session_options.max_lanes = std::min(session_options.max_lanes, other.max_lanes);
    session_options.max_logits = std::min(session_options.max_logits, other.max_logits);
  }
  LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, session_options));
  LACUNA_RETURN_IF_ERROR(OpenLanes(*session));
  std::unique_ptr<Session> other;
  if (reference) {
    LACUNA_ASSIGN_OR_RETURN(other, Session::Create(reference, session_options));
    LACUNA_RETURN_IF_ERROR(OpenLanes(*other));
  }

  report.windows = static_cast<int64_t>(windows.size());
  WindowRunner runner(*session, other.get(), ids, std::move(windows), begin_token, eval);
  LACUNA_RETURN_IF_ERROR(runner.Run());
  const WindowSums total = runner.Total();
  report.tokens = total.nll.n;
  report.perplexity = ExpMeanOf(total.nll);
  if (reference) {
    report.divergence = Divergence{
        .reference_perplexity = ExpMeanOf(total.reference),
        .ratio = ExpMeanOf(total.difference),
        .kl = MeanOf(total.kl),
        .kl_p99 = Percentile(runner.kl_values(), 0.99),
        .top1 = static_cast<double>(total.same_top) / static_cast<double>(total.kl.n),
    };
  }
  return report;
}

}  // namespace lacuna
