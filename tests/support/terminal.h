// The lacuna command on a terminal of its own (a pseudo-terminal), and what a person would see there.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace lacuna::testing {

// Lines of text as a terminal shows them: carriage returns, backspaces and the cursor movements within a line that line
// editors use; colors are left out.
class Screen {
 public:
  void Feed(const std::string& bytes);
  std::string Text() const;  // lines with \n between them, trailing spaces removed

 private:
  void Put(const std::string& character);
  size_t Control(size_t at);  // an escape sequence of pending_; where it ends, or npos when it is cut off

  std::vector<std::vector<std::string>> lines_{{}};
  size_t column_ = 0;
  std::string pending_;
};

class Terminal {
 public:
  // `arguments` as a shell reads them.
  explicit Terminal(const std::string& arguments);
  ~Terminal();  // ends the command

  // Keys for a line editor: waits until one reads them, as a person would.
  void Type(const std::string& keys);
  void Interrupt() { Send("\x03"); }
  // Waits until the screen shows `text` behind `from`; where it ends, or npos after the time is over.
  size_t WaitFor(const std::string& text, size_t from = 0, int seconds = 60);
  std::string Text() const { return screen_.Text(); }
  // Waits for the end: the exit code, -1 when it does not come.
  int Wait(int seconds = 60);

 private:
  bool Read(int milliseconds);
  void Send(const std::string& keys);

  pid_t pid_ = -1;
  int fd_ = -1;
  Screen screen_;
};

}  // namespace lacuna::testing
