// Where typed lines are kept between conversations, also by several that run at once.
#pragma once

#include <string>

struct history;

namespace lacuna::tools {

// $XDG_STATE_HOME (or ~/.local/state)/lacuna/chat_history, its folder made for the user alone; "" where there is no
// home or the folder cannot be made.
std::string ChatHistoryFile();

// libedit's list of lines and the file behind it. Each line is appended under a lock as soon as it is typed, so that
// none is lost whatever ends the program, and none of two programs that share the file; lines of the other come up the
// next time. A file that cannot be read or written is no error: there is no history then.
class LineHistory {
 public:
  static constexpr int kLines = 1000;              // are remembered
  static constexpr int kLinesInFile = 2 * kLines;  // above it the file is written anew with kLines

  // "" keeps nothing.
  explicit LineHistory(const std::string& file);
  ~LineHistory();
  LineHistory(const LineHistory&) = delete;
  LineHistory& operator=(const LineHistory&) = delete;

  void Add(const std::string& line);
  struct history* get() const {
    return history_;
  }

 private:
  void Load();
  void Append(const std::string& line);
  void Rewrite();

  const std::string file_;
  struct history* history_;
};

}  // namespace lacuna::tools
