#include "tests/support/command.h"

#include <sys/wait.h>

#include <cstdlib>

#include "tests/support/read_all.h"
#include "tests/support/shell.h"
#include "tests/support/temp_dir.h"

namespace lacuna::testing {

std::string Quote(const std::string& text) {
  std::string out = "'";
  for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

CommandResult RunLacuna(const std::string& arguments, const std::string& input) {
  return RunShell("exec \"$lacuna\" " + arguments, input);
}

CommandResult RunShell(const std::string& script, const std::string& input) {
  const TempDir folder;
  folder.Write("in", input);
  const std::string command = "lacuna=" + Quote(LACUNA_COMMAND) + "; ( " + script + "\n) < " +
                              Quote(folder.path() + "/in") + " > " + Quote(folder.path() + "/out") + " 2> " +
                              Quote(folder.path() + "/err");
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ReadAll(folder.path() + "/out"),
          ReadAll(folder.path() + "/err")};
}

}  // namespace lacuna::testing
