// What begins with / in a conversation.
#pragma once

#include <string>
#include <vector>

#include "lacuna/status.h"
#include "tools/conversation.h"

namespace lacuna::tools {

struct ChatState {
  Conversation& conversation;
  std::string attached;  // files that go with the next message
  bool leave = false;
  bool regenerate = false;
  int64_t answers = 0, tokens = 0;  // of the whole conversation, for /stats
  double decode_ms = 0;
};

bool IsChatCommand(const std::string& line);
// Says what it did on standard error. kInvalidInput for an unknown command, or one that cannot be done.
Status RunChatCommand(const std::string& line, ChatState& state);
std::string ChatHelp();
// Completion of commands and of the file names behind them.
std::vector<std::string> CompleteChat(const std::string& before);

}  // namespace lacuna::tools
