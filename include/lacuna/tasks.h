// Quality of a model: exact match of its answers to questions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/chat.h"
#include "lacuna/evaluate.h"
#include "lacuna/model.h"
#include "lacuna/status.h"

namespace lacuna {

// A question: the conversation so far, and the answer that is right. One JSON object a line of a task file:
// {"id", "task", "length", "depth"?, "messages": [{"role", "content"}, ..], "answer"}; other fields are ignored.
struct TaskItem {
  std::string id;
  std::string task;
  int64_t length = 0;           // size class of the prompt, 0: as short as it comes
  std::optional<double> depth;  // where in the prompt the answer stands, 0 to 1
  std::vector<ChatMessage> messages;
  std::string answer;
};

// kInvalidInput names `name` (a path) and the line.
Result<std::vector<TaskItem>> ParseTasks(std::string_view text, const std::string& name);
// All *.jsonl files of a folder, by name. Lines with "turns" and no "messages" (conversations that are checked in other
// ways than by an answer) are passed over.
Result<std::vector<TaskItem>> LoadTasks(const std::string& folder);

struct TaskShare {
  int64_t n = 0;
  int64_t right = 0;
  double value() const { return n > 0 ? static_cast<double>(right) / static_cast<double>(n) : 0; }
};

struct TaskScore {
  TaskShare all;
  Estimate exact_match;  // Wilson's interval
  std::map<int64_t, TaskShare> by_length;
  std::map<int, TaskShare> by_depth;  // in fifths, 0 to 4; of the items that have one
  int64_t skipped = 0;                // prompt and answer longer than the model's context
};

struct TaskAnswer {
  std::string said;
  bool right = false;
  bool skipped = false;
};

struct TaskReport {
  std::map<std::string, TaskScore> tasks;
  std::vector<TaskAnswer> answers;  // one an item
};

// Greedy answers in the model directory's chat template, without special tokens and white space at the ends, compared
// with the right ones. An answer ends at an end token, or after 48 tokens (more, if the right one has more).
// kInvalidInput when the model has no chat template.
Result<TaskReport> EvaluateTasks(std::shared_ptr<const Model> model, const std::vector<TaskItem>& items,
                                 const EvalOptions& eval = {});

}  // namespace lacuna
