// lacuna eval: quality of a model, alone or against a reference.
#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/status_macros.h"
#include "io/file.h"
#include "tools/command.h"
#include "tools/eval_report.h"
#include "tools/progress.h"

namespace lacuna::tools {
namespace {

constexpr const char* kPerplexity = "ppl";
constexpr const char* kTextFile = "text.txt";

struct Flags {
  ModelFlags model;
  std::string reference;
  std::string reference_numerics;
  std::vector<std::string> tasks;
  std::string task_dir;
  std::string text;
  std::string answers;
  std::string windows = "hf";
  int64_t window = 0;
  int64_t stride = 0;
  int64_t limit = 0;
  int ubatch = 512;
  int lanes = 32;
  bool json = false;

  bool Wants(const std::string& task) const {
    return tasks.empty() || std::find(tasks.begin(), tasks.end(), task) != tasks.end();
  }
  std::string TaskDir() const { return task_dir.empty() ? JoinPath(model.directory, "eval") : task_dir; }
};

// The text of --text, or of the task folder; "" when there is none and nobody asked for one.
Result<std::string> FindText(const Flags& flags) {
  if (!flags.text.empty()) return ReadText(flags.text);
  const std::string file = JoinPath(flags.TaskDir(), kTextFile);
  if (KindOf(file) == FileKind::kRegular) return ReadText(file);
  if (!flags.tasks.empty() || !flags.reference.empty()) {
    return InvalidInput("no text to measure perplexity on: " + file + " is not there, give one with --text FILE");
  }
  return std::string();
}

EvalOptions OptionsOf(const Flags& flags, ProgressBar* bar, const std::atomic<bool>* cancel) {
  EvalOptions options;
  options.session.max_rows = flags.ubatch;
  options.max_lanes = flags.lanes;
  options.progress = [bar](int64_t done, int64_t total) { bar->Update(done, total); };
  options.cancel = cancel;
  return options;
}

// The items that the flags ask for: of the named tasks, the first `limit` of each task and length.
Result<std::vector<TaskItem>> FindItems(const Flags& flags) {
  const bool named =
      std::any_of(flags.tasks.begin(), flags.tasks.end(), [](const auto& t) { return t != kPerplexity; });
  if (!flags.tasks.empty() && !named) return std::vector<TaskItem>();
  const bool asked = named || !flags.task_dir.empty();
  if (!asked && KindOf(flags.TaskDir()) == FileKind::kMissing) return std::vector<TaskItem>();
  LACUNA_ASSIGN_OR_RETURN(std::vector<TaskItem> all, LoadTasks(flags.TaskDir()));
  std::set<std::string> known;
  std::map<std::pair<std::string, int64_t>, int64_t> counts;
  std::vector<TaskItem> items;
  for (TaskItem& item : all) {
    known.insert(item.task);
    if (!flags.Wants(item.task)) continue;
    if (flags.limit > 0 && ++counts[{item.task, item.length}] > flags.limit) continue;
    items.push_back(std::move(item));
  }
  for (const std::string& task : flags.tasks) {
    if (task == kPerplexity || known.count(task) > 0) continue;
    std::string names = kPerplexity;
    for (const std::string& name : known) names += ", " + name;
    return InvalidInput("--tasks: " + flags.TaskDir() + " has no task '" + task + "', only " + names);
  }
  return items;
}

// One JSON object an item, for whoever wants to see what was said.
Status WriteAnswers(const std::string& path, const std::vector<TaskItem>& items, const TaskReport& report) {
  std::string lines;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const TaskAnswer& answer = report.answers[i];
    nlohmann::ordered_json line = {{"id", items[i].id}, {"task", items[i].task}, {"length", items[i].length}};
    if (answer.skipped) {
      line["skipped"] = true;
    } else {
      line["answer"] = items[i].answer;
      line["said"] = answer.said;
      line["right"] = answer.right;
    }
    lines += line.dump() + "\n";
  }
  return AtomicWrite(path, lines);
}

Result<PerplexityReport> MeasurePerplexity(const Flags& flags, const std::shared_ptr<const Model>& model,
                                           const std::string& text, const std::atomic<bool>* cancel) {
  LACUNA_ASSIGN_OR_RETURN(const auto tokenizer, TokenizerOf(*model));
  LACUNA_ASSIGN_OR_RETURN(const std::vector<int32_t> ids, tokenizer->Encode(text));
  std::shared_ptr<const Model> reference;
  if (!flags.reference.empty()) {
    ModelFlags other = flags.model;
    other.directory = flags.reference;
    if (!flags.reference_numerics.empty()) other.numerics = flags.reference_numerics;
    LACUNA_ASSIGN_OR_RETURN(reference, other.Load());
    LACUNA_ASSIGN_OR_RETURN(const auto other_tokenizer, TokenizerOf(*reference));
    LACUNA_ASSIGN_OR_RETURN(const std::vector<int32_t> other_ids, other_tokenizer->Encode(text));
    if (other_ids != ids) {
      return InvalidInput("the tokenizers of " + flags.model.directory + " and " + flags.reference +
                          " give the text different tokens: their distributions cannot be compared");
    }
  }
  PerplexityOptions options;
  options.rule = flags.windows == "hf" ? CountingRule::kHuggingFace : CountingRule::kLlamaCpp;
  options.window = flags.window;
  options.stride = flags.stride;
  options.limit = flags.limit;
  ProgressBar bar("perplexity");
  return EvaluatePerplexity(model, reference, ids, options, OptionsOf(flags, &bar, cancel));
}

Status RunEval(const Flags& flags) {
  const auto start = std::chrono::steady_clock::now();
  // Cheap mistakes are told before the model is loaded.
  std::string text;
  if (flags.Wants(kPerplexity) || !flags.reference.empty()) {
    LACUNA_ASSIGN_OR_RETURN(text, FindText(flags));
  }
  LACUNA_ASSIGN_OR_RETURN(const std::vector<TaskItem> items, FindItems(flags));
  if (text.empty() && items.empty()) {
    return InvalidInput("nothing to evaluate: " + flags.TaskDir() + " has neither " + kTextFile +
                        " nor tasks (*.jsonl); give a text with --text FILE or a folder with --task-dir DIR");
  }
  const CancelScope cancel;
  LACUNA_ASSIGN_OR_RETURN(const auto model, flags.model.Load());
  EvalFindings findings{.model = model->info(), .numerics = model->numerics(), .reference = flags.reference};
  if (!text.empty()) {
    LACUNA_ASSIGN_OR_RETURN(findings.perplexity, MeasurePerplexity(flags, model, text, cancel.flag()));
  }
  if (!items.empty()) {
    ProgressBar bar("tasks");
    LACUNA_ASSIGN_OR_RETURN(findings.tasks, EvaluateTasks(model, items, OptionsOf(flags, &bar, cancel.flag())));
    if (!flags.answers.empty()) LACUNA_RETURN_IF_ERROR(WriteAnswers(flags.answers, items, *findings.tasks));
  }
  const int64_t window =
      findings.perplexity ? findings.perplexity->options.window : std::min<int64_t>(1024, model->info().context_length);
  LACUNA_ASSIGN_OR_RETURN(findings.token_bytes, MeasureBytesPerToken(model, window - 1));
  findings.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  using nlohmann::ordered_json;
  Print(flags.json ? EvalJson(findings).dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n"
                   : EvalText(findings));
  return {};
}

}  // namespace

void AddEval(CLI::App& app, Run* run) {
  auto flags = std::make_shared<Flags>();
  flags->model.AddTo(app, true, false);
  Add(app, "--reference", flags->reference,
      "Also the divergence from this model: KL, top-1 agreement, change of perplexity")
      ->type_name("DIR");
  Add(app, "--reference-numerics", flags->reference_numerics, "As --numerics, of the reference [the same]")
      ->check(CLI::IsMember({"default", "f32"}))
      ->type_name("MODE");
  Add(app, "--tasks", flags->tasks, "What to measure: ppl and tasks by name [all there is]")
      ->delimiter(',')
      ->type_name("NAME,..");
  Add(app, "--task-dir", flags->task_dir, "Folder of tasks (*.jsonl) and text (text.txt) [DIR/eval of the model]")
      ->type_name("DIR");
  Add(app, "--answers", flags->answers, "Also write what the model said, one JSON object an item")->type_name("FILE");
  Add(app, "-f,--text", flags->text, "Text for the perplexity [text.txt of the task folder], - for standard input")
      ->type_name("FILE");
  Add(app, "--windows", flags->windows, "Tokens are counted as Hugging Face (hf) or as llama.cpp does")
      ->check(CLI::IsMember({"hf", "llama.cpp"}))
      ->type_name("RULE")
      ->capture_default_str();
  Add(app, "-c,--ctx-size,--ctx", flags->window, "Tokens of a window; 0: the model's context, at most 1024")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 24))
      ->type_name("N")
      ->capture_default_str();
  Add(app, "--stride", flags->stride, "Tokens between windows (hf); 0: half a window")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 24))
      ->type_name("N")
      ->capture_default_str();
  Add(app, "--limit", flags->limit, "Windows, and items of each task and length, at most; 0: all")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40))
      ->type_name("N")
      ->capture_default_str();
  Add(app, "--ubatch-size", flags->ubatch, "Rows of one pass (-ub); the results do not depend on it")
      ->check(CLI::Range(1, 1 << 16))
      ->type_name("N")
      ->capture_default_str();
  Add(app, "--parallel", flags->lanes, "Sequences beside each other at most (-np); the results do not depend on it")
      ->check(CLI::Range(1, 4096))
      ->type_name("N")
      ->capture_default_str();
  AddSwitch(app, "--json", flags->json, "Print one JSON object");
  app.callback([flags, run] {
    *run = [flags] {
      const Status status = RunEval(*flags);
      return status.ok() ? 0 : Fail(status);
    };
  });
}

}  // namespace lacuna::tools
