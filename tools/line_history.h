// Where typed lines are kept between conversations.
#pragma once

#include <string>

namespace lacuna::tools {

// $XDG_STATE_HOME (or ~/.local/state)/lacuna/chat_history, its folder made for the user alone; "" where there is no
// home or the folder cannot be made.
std::string ChatHistoryFile();

}  // namespace lacuna::tools
