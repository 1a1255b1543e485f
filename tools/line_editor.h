// A line from the terminal, with editing, history and completion by libedit.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lacuna::tools {

class LineEditor {
 public:
  // What stands before the cursor to what the last word may become. Whole words; one that ends with / goes on.
  using Complete = std::vector<std::string> (*)(const std::string& before);

  // Standard input and output are a terminal. Lines are kept in `history_file` for the next time (line_history.h); ""
  // keeps none.
  static std::unique_ptr<LineEditor> Create(Complete complete, const std::string& history_file);
  virtual ~LineEditor() = default;

  // A message: lines that end with a backslash go on in the next one. Null when the input has ended (Ctrl-D).
  virtual std::optional<std::string> Read(const char* prompt, const char* continuation) = 0;
};

}  // namespace lacuna::tools
