#include "tools/reasoning.h"

#include <algorithm>

namespace lacuna::tools {

void ReasoningSplitter::Emit(std::string_view text) {
  while (after_tag_ && !text.empty() && (text[0] == '\n' || text[0] == ' ' || text[0] == '\r')) text.remove_prefix(1);
  if (text.empty()) return;
  after_tag_ = false;
  sink_(text, thinking_);
}

void ReasoningSplitter::Push(std::string_view piece) {
  waiting_ += piece;
  while (true) {
    const std::string_view tag = thinking_ ? "</think>" : "<think>";
    const size_t at = waiting_.find(tag);
    if (at == waiting_.npos) break;
    Emit(std::string_view(waiting_).substr(0, at));
    waiting_.erase(0, at + tag.size());
    thinking_ = !thinking_;
    after_tag_ = true;
  }
  const std::string_view tag = thinking_ ? "</think>" : "<think>";
  size_t keep = std::min(tag.size() - 1, waiting_.size());
  while (keep > 0 && !tag.starts_with(std::string_view(waiting_).substr(waiting_.size() - keep))) --keep;
  Emit(std::string_view(waiting_).substr(0, waiting_.size() - keep));
  waiting_.erase(0, waiting_.size() - keep);
}

void ReasoningSplitter::Finish() {
  Emit(waiting_);
  waiting_.clear();
}

}  // namespace lacuna::tools
