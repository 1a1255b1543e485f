// Every lane is reading its prompt or decoding. A pass takes one row of each decoding lane and fills up with rows of
// prompts, so that prompts run at the speed of large passes and decoding lanes share each read of the weights. Long
// prompts come first, so that no single long one is left for the end.
#include "compress/greedy_batch.h"

#include <algorithm>
#include <numeric>

#include "backend/cpu/elementwise.h"
#include "base/status_macros.h"
#include "compress/batch.h"
#include "model/model_impl.h"
#include "session/sampler.h"

namespace lacuna {
namespace {

struct LaneWork {
  std::size_t job = 0;
  std::size_t read = 0;  // tokens of the prompt that have run
  int logit_row = -1;    // of this pass
  bool busy = false;
};

class GreedyRunner {
 public:
  GreedyRunner(Session& session, const std::vector<GreedyJob>& jobs, const EvalOptions& options)
      : session_(session),
        jobs_(jobs),
        options_(options),
        sampler_(session.model().info().vocab_size, ElementwiseFor(session.model().impl().tier)),
        lanes_(static_cast<std::size_t>(session.options().max_lanes)),
        order_(jobs.size()),
        answers_(jobs.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::stable_sort(order_.begin(), order_.end(),
                     [&](std::size_t a, std::size_t b) { return jobs[a].prompt.size() > jobs[b].prompt.size(); });
    for (const GreedyJob& job : jobs) total_ += WorkOf(job);
  }

  Result<std::vector<std::vector<int32_t>>> Run() {
    while (finished_ < jobs_.size()) {
      if (IsCancelled(options_)) return Cancelled();
      FillPass();
      LACUNA_ASSIGN_OR_RETURN(const Logits logits, session_.Run(rows_));
      for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
        if (lanes_[lane].busy) LACUNA_RETURN_IF_ERROR(AfterPass(static_cast<LaneId>(lane), logits));
      }
      if (options_.progress) options_.progress(done_, total_);
    }
    return std::move(answers_);
  }

 private:
  static int64_t WorkOf(const GreedyJob& job) { return static_cast<int64_t>(job.prompt.size()) + job.max_tokens; }

  void FillPass() {
    rows_.clear();
    logit_rows_ = 0;
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      LaneWork& work = lanes_[lane];
      work.logit_row = -1;
      if (work.busy && work.read == jobs_[work.job].prompt.size()) {
        AddRow(static_cast<LaneId>(lane), answers_[work.job].back(), true, &work);
      }
    }
    for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
      LaneWork& work = lanes_[lane];
      if (!work.busy && next_ < order_.size() && HasRoom()) work = {.job = order_[next_++], .busy = true};
      if (!work.busy || work.logit_row >= 0) continue;
      const std::vector<int32_t>& prompt = jobs_[work.job].prompt;
      for (; work.read < prompt.size() && HasRoom(); ++work.read) {
        AddRow(static_cast<LaneId>(lane), prompt[work.read], work.read + 1 == prompt.size(), &work);
      }
    }
  }

  // The lanes' own logit rows always fit: max_logits is at least the number of lanes.
  bool HasRoom() const { return static_cast<int>(rows_.size()) < session_.options().max_rows; }

  void AddRow(LaneId lane, int32_t token, bool want_logits, LaneWork* work) {
    if (want_logits) work->logit_row = logit_rows_++;
    rows_.push_back({.token = token, .lane = lane, .want_logits = want_logits});
    ++done_;
  }

  Status AfterPass(LaneId lane, const Logits& logits) {
    LaneWork& work = lanes_[static_cast<std::size_t>(lane)];
    LACUNA_RETURN_IF_ERROR(session_.Commit(lane));
    if (work.logit_row < 0) return {};
    const GreedyJob& job = jobs_[work.job];
    std::vector<int32_t>& answer = answers_[work.job];
    const int32_t id = sampler_.Sample(logits[work.logit_row], {.temperature = 0}, {});
    const std::vector<int32_t>& ends = session_.model().info().eos_token_ids;
    const bool ended = std::find(ends.begin(), ends.end(), id) != ends.end();
    if (!ended) answer.push_back(id);
    if (!ended && static_cast<int64_t>(answer.size()) < job.max_tokens) return {};
    // What was not decoded counts as done, so that the progress ends at its total.
    done_ += job.max_tokens + 1 - std::max<int64_t>(1, static_cast<int64_t>(answer.size()) + ended);
    ++finished_;
    work = {};
    return session_.Rollback(lane, 0);
  }

  Session& session_;
  const std::vector<GreedyJob>& jobs_;
  const EvalOptions& options_;
  Sampler sampler_;
  std::vector<LaneWork> lanes_;
  std::vector<std::size_t> order_;
  std::vector<std::vector<int32_t>> answers_;
  std::vector<PassRow> rows_;
  int logit_rows_ = 0;
  std::size_t next_ = 0, finished_ = 0;
  int64_t done_ = 0, total_ = 0;
};

}  // namespace

Result<std::vector<std::vector<int32_t>>> ContinueGreedily(std::shared_ptr<const Model> model,
                                                           const std::vector<GreedyJob>& jobs,
                                                           const EvalOptions& options) {
  if (jobs.empty()) return std::vector<std::vector<int32_t>>();
  int64_t context = 1;
  for (const GreedyJob& job : jobs) {
    if (job.prompt.empty() || job.max_tokens < 1)
      return InvalidInput("a prompt without tokens, or no token to generate");
    // The last generated token is not run.
    context = std::max(context, static_cast<int64_t>(job.prompt.size()) + job.max_tokens - 1);
  }
  if (context > model->info().context_length) {
    return InvalidInput("a prompt and its answer have " + std::to_string(context) +
                        " tokens, more than the context of " + std::to_string(model->info().context_length));
  }
  EvalOptions fitting = options;
  fitting.max_lanes = std::min(options.max_lanes, options.session.max_rows);
  const SessionOptions session_options = FitSession(*model, context, static_cast<int64_t>(jobs.size()), fitting);
  LACUNA_ASSIGN_OR_RETURN(const auto session, Session::Create(model, session_options));
  LACUNA_RETURN_IF_ERROR(OpenLanes(*session));
  return GreedyRunner(*session, jobs, options).Run();
}

}  // namespace lacuna
