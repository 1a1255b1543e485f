#include "tools/line_history.h"

#include <cstdlib>
#include <filesystem>

#include "io/file.h"

namespace lacuna::tools {

std::string ChatHistoryFile() {
  namespace fs = std::filesystem;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  // The XDG specification has relative paths ignored.
  fs::path state = variable("XDG_STATE_HOME");
  if (!state.is_absolute()) {
    const fs::path home = variable("HOME");
    if (!home.is_absolute() || KindOf(home) != FileKind::kDirectory) return "";
    state = home / ".local" / "state";
  }
  const fs::path folder = state / "lacuna";
  std::error_code error;
  if (fs::create_directories(folder, error)) fs::permissions(folder, fs::perms::owner_all, error);
  return fs::is_directory(folder, error) ? (folder / "chat_history").string() : "";
}

}  // namespace lacuna::tools
