// Exact match of answers.
#include "lacuna/tasks.h"
#include "base/status_macros.h"
#include "compress/greedy_batch.h"
#include "compress/statistics.h"
#include "compress/strip.h"

namespace lacuna {
namespace {

// As scripts/demo_model/evaluate.py asks for.
constexpr int64_t kAnswerTokens = 48;
constexpr int kFifths = 5;

Result<GreedyJob> MakeJob(const TaskItem& item, const ChatTemplate& chat, const Tokenizer& tokenizer) {
  const auto wrong = [&](const Status& status) {
    return Status(status.code(), "task item " + item.id + ": " + status.message());
  };
  const Result<RenderedChat> rendered = chat.Render(std::span<const ChatMessage>(item.messages));
  if (!rendered.ok()) return wrong(rendered.status());
  Result<std::vector<int32_t>> prompt = EncodeChat(tokenizer, *rendered);
  if (!prompt.ok()) return wrong(prompt.status());
  if (prompt->empty()) return wrong(InvalidInput("the chat template gives it no tokens"));
  const Result<std::vector<int32_t>> answer = tokenizer.Encode(item.answer, false);
  if (!answer.ok()) return wrong(answer.status());
  // A longer answer has room for a space in front and the end token.
  const auto length = static_cast<int64_t>(answer->size());
  return GreedyJob{.prompt = *std::move(prompt), .max_tokens = length <= kAnswerTokens ? kAnswerTokens : length + 2};
}

void Count(bool right, TaskShare* share) {
  ++share->n;
  share->right += right;
}

}  // namespace

Result<TaskReport> EvaluateTasks(std::shared_ptr<const Model> model, const std::vector<TaskItem>& items,
                                 const EvalOptions& eval) {
  const std::string& directory = model->info().directory;
  const std::shared_ptr<const Tokenizer> tokenizer = model->tokenizer();
  if (tokenizer == nullptr) return InvalidInput(directory + " has no tokenizer.json, which tasks need");
  LACUNA_ASSIGN_OR_RETURN(const auto chat, ChatTemplate::Load(directory));
  if (chat == nullptr) {
    return InvalidInput(directory +
                        " has no chat template (chat_template.jinja, or in tokenizer_config.json), which "
                        "tasks need");
  }
  TaskReport report;
  report.answers.resize(items.size());
  std::vector<GreedyJob> jobs;
  std::vector<std::size_t> job_items;
  for (std::size_t i = 0; i < items.size(); ++i) {
    LACUNA_ASSIGN_OR_RETURN(GreedyJob job, MakeJob(items[i], *chat, *tokenizer));
    if (static_cast<int64_t>(job.prompt.size()) + job.max_tokens > model->info().context_length) {
      report.answers[i].skipped = true;
      ++report.tasks[items[i].task].skipped;
      continue;
    }
    jobs.push_back(std::move(job));
    job_items.push_back(i);
  }
  LACUNA_ASSIGN_OR_RETURN(const auto said, ContinueGreedily(model, jobs, eval));
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const TaskItem& item = items[job_items[j]];
    TaskAnswer& answer = report.answers[job_items[j]];
    LACUNA_ASSIGN_OR_RETURN(const std::string text, tokenizer->Decode(said[j], true));
    answer.said = Strip(text);
    answer.right = answer.said == item.answer;
    TaskScore& score = report.tasks[item.task];
    Count(answer.right, &score.all);
    Count(answer.right, &score.by_length[item.length]);
    if (item.depth)
      Count(answer.right, &score.by_depth[std::min(kFifths - 1, static_cast<int>(*item.depth * kFifths))]);
  }
  for (auto& [name, score] : report.tasks) score.exact_match = ShareOf(score.all.right, score.all.n);
  return report;
}

}  // namespace lacuna
