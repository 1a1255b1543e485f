// What a conversation looks like: the answer on standard output, notices and timings on standard error.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/conversation.h"
#include "tools/reasoning.h"

namespace lacuna::tools {

class ChatScreen {
 public:
  struct Options {
    bool color = false;           // thinking and notices are dimmed
    bool interactive = false;     // timings are shown
    bool hide_thinking = false;   // "[thinking ..]" stands for it on a terminal
    bool split_thinking = false;  // look for <think> at all
  };
  explicit ChatScreen(const Options& options) : options_(options) {}

  void Begin(bool thinking);
  void Add(std::string_view piece);
  void End();
  void Notice(const std::string& what);
  void Timings(const ReplyStats& stats);

 private:
  void Show(std::string_view text, bool thinking);
  void Dim(bool dim);

  const Options options_;
  std::optional<ReasoningSplitter> splitter_;
  bool begun_ = false, dim_ = false, thought_ = false, line_open_ = false;
};

}  // namespace lacuna::tools
