// Any bytes as a task file: an error that names file and line, or items that can be asked.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lacuna/tasks.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto items = lacuna::ParseTasks({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!items.ok()) {
    Require(items.status().code() == lacuna::StatusCode::kInvalidInput);
    Require(items.status().message().starts_with("fuzz, line "));
    return 0;
  }
  for (const lacuna::TaskItem& item : *items) {
    Require(!item.task.empty() && !item.answer.empty() && !item.messages.empty() && item.length >= 0);
    Require(!item.depth || (*item.depth >= 0 && *item.depth <= 1));
  }
  return 0;
}
