// Runs the lacuna command as a user would.
#pragma once

#include <string>

namespace lacuna::testing {

struct CommandResult {
  int exit_code = -1;
  std::string out;
  std::string err;
};

// `arguments` as a shell reads them; `input` is standard input.
CommandResult RunLacuna(const std::string& arguments, const std::string& input = "");

// A single-quoted shell word.
std::string Quote(const std::string& text);

}  // namespace lacuna::testing
