// Files of questions: one JSON object a line.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/json.h"
#include "lacuna/tasks.h"

namespace lacuna {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxMessages = 1024;

Result<std::vector<ChatMessage>> ReadMessages(const JsonReader& line) {
  const Json* list = line.Find("messages");
  if (list == nullptr || !list->is_array() || list->empty() || list->size() > kMaxMessages) {
    return line.Error("messages", "is missing or no list of 1 to " + std::to_string(kMaxMessages) +
                                      " messages, expected [{\"role\": .., \"content\": ..}, ..]");
  }
  std::vector<ChatMessage> messages;
  for (const Json& entry : *list) {
    LACUNA_ASSIGN_OR_RETURN(const JsonReader message,
                            JsonReader::Create(line.file() + ": message " + std::to_string(messages.size()), entry));
    ChatMessage& m = messages.emplace_back();
    LACUNA_ASSIGN_OR_RETURN(m.role, message.String("role"));
    LACUNA_ASSIGN_OR_RETURN(m.content, message.String("content"));
  }
  return messages;
}

Result<TaskItem> ReadItem(const JsonReader& line) {
  TaskItem item;
  LACUNA_ASSIGN_OR_RETURN(item.id, line.String("id"));
  LACUNA_ASSIGN_OR_RETURN(item.task, line.String("task"));
  if (item.task.empty()) return line.Error("task", "is empty, expected the name of a task");
  LACUNA_ASSIGN_OR_RETURN(item.length, line.IntOr("length", 0, 0, int64_t{1} << 40));
  LACUNA_ASSIGN_OR_RETURN(item.depth, line.OptionalNumber("depth", 0, 1));
  LACUNA_ASSIGN_OR_RETURN(item.messages, ReadMessages(line));
  LACUNA_ASSIGN_OR_RETURN(item.answer, line.String("answer"));
  if (item.answer.empty()) return line.Error("answer", "is empty: an answer of nothing cannot be asked for");
  return item;
}

}  // namespace

Result<std::vector<TaskItem>> ParseTasks(std::string_view text, const std::string& name) {
  std::vector<TaskItem> items;
  int64_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    const std::string where = name + ", line " + std::to_string(number);
    LACUNA_ASSIGN_OR_RETURN(const Json value, ParseJson(line, where));
    LACUNA_ASSIGN_OR_RETURN(const JsonReader reader, JsonReader::Create(where, value));
    // Conversations whose answers are checked in other ways than by equality (prompts.jsonl of the demo model).
    if (reader.Has("turns") && !reader.Has("messages")) continue;
    LACUNA_ASSIGN_OR_RETURN(TaskItem item, ReadItem(reader));
    items.push_back(std::move(item));
  }
  return items;
}

Result<std::vector<TaskItem>> LoadTasks(const std::string& folder) {
  if (KindOf(folder) != FileKind::kDirectory) return InvalidInput(folder + ": no such folder of task files (*.jsonl)");
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), last; !error && it != last; it.increment(error)) {
    if (it->path().extension() == ".jsonl") names.push_back(it->path().filename().string());
  }
  if (error) return IoError(folder + ": cannot list the folder: " + error.message());
  std::sort(names.begin(), names.end());
  std::vector<TaskItem> items;
  for (const std::string& name : names) {
    const std::string path = JoinPath(folder, name);
    LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
    LACUNA_ASSIGN_OR_RETURN(std::vector<TaskItem> more, ParseTasks(text, path));
    items.insert(items.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return items;
}

}  // namespace lacuna
