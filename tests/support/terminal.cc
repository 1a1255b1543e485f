#include "tests/support/terminal.h"

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

namespace lacuna::testing {

using Clock = std::chrono::steady_clock;

void Screen::Put(const std::string& character) {
  std::vector<std::string>& line = lines_.back();
  if (line.size() <= column_) line.resize(column_ + 1, " ");
  line[column_++] = character;
}

size_t Screen::Control(size_t at) {
  if (at + 1 >= pending_.size()) return pending_.npos;
  if (pending_[at + 1] != '[') return at + 2;
  size_t end = at + 2;
  while (end < pending_.size() && (pending_[end] < '@' || pending_[end] > '~')) ++end;
  if (end == pending_.size()) return pending_.npos;
  const auto n = static_cast<size_t>(std::max(1, std::atoi(pending_.c_str() + at + 2)));
  std::vector<std::string>& line = lines_.back();
  switch (pending_[end]) {
    case 'C':
      column_ += n;
      break;
    case 'D':
      column_ -= std::min(column_, n);
      break;
    case 'G':
      column_ = n - 1;
      break;
    case 'J':
    case 'K':
      line.resize(std::min(line.size(), column_));
      break;
    case 'P':
      if (column_ < line.size()) {
        const auto first = line.begin() + static_cast<std::ptrdiff_t>(column_);
        line.erase(first, first + static_cast<std::ptrdiff_t>(std::min(n, line.size() - column_)));
      }
      break;
    case '@':
      if (column_ < line.size()) line.insert(line.begin() + static_cast<std::ptrdiff_t>(column_), n, " ");
      break;
    default:
      break;
  }
  return end + 1;
}

void Screen::Feed(const std::string& bytes) {
  pending_ += bytes;
  size_t at = 0;
  while (at < pending_.size()) {
    const auto c = static_cast<unsigned char>(pending_[at]);
    size_t end = at + 1;
    if (c == 0x1B) {
      end = Control(at);
      if (end == pending_.npos) break;
    } else if (c == '\n') {
      lines_.emplace_back();
      column_ = 0;
    } else if (c == '\r') {
      column_ = 0;
    } else if (c == '\b') {
      column_ -= column_ > 0 ? 1 : 0;
    } else if (c == '\t') {
      column_ = (column_ / 8 + 1) * 8;
    } else if (c >= 0x20) {
      end = at + (c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4);
      if (end > pending_.size()) break;
      Put(pending_.substr(at, end - at));
    }
    at = end;
  }
  pending_.erase(0, at);
}

std::string Screen::Text() const {
  std::string text;
  for (const auto& line : lines_) {
    std::string row;
    for (const std::string& character : line) row += character;
    while (row.ends_with(' ')) row.pop_back();
    text += (&line == &lines_.front() ? "" : "\n") + row;
  }
  return text;
}

Terminal::Terminal(const std::string& arguments) {
  winsize size{.ws_row = 50, .ws_col = 200, .ws_xpixel = 0, .ws_ypixel = 0};
  pid_ = forkpty(&fd_, nullptr, nullptr, &size);
  if (pid_ == 0) {
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    setenv("HOME", "/nonexistent", 1);  // no ~/.editrc
    unsetenv("NO_COLOR");
    const std::string command = "exec " LACUNA_COMMAND " " + arguments;
    execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    _exit(127);
  }
}

Terminal::~Terminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  if (fd_ >= 0) close(fd_);
}

void Terminal::Type(const std::string& keys) {
  const auto end = Clock::now() + std::chrono::seconds(10);
  // The editor shows its prompt just before it takes the terminal over from the kernel's own line editing.
  for (termios mode{}; tcgetattr(fd_, &mode) == 0 && (mode.c_lflag & ICANON) != 0 && Clock::now() < end;) Read(5);
  Send(keys);
}

void Terminal::Send(const std::string& keys) {
  for (size_t done = 0; done < keys.size();) {
    const ssize_t n = write(fd_, keys.data() + done, keys.size() - done);
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

bool Terminal::Read(int milliseconds) {
  pollfd poll_fd{fd_, POLLIN, 0};
  if (poll(&poll_fd, 1, milliseconds) <= 0) return false;
  char buffer[4096];
  const ssize_t n = read(fd_, buffer, sizeof(buffer));
  if (n <= 0) {
    usleep(1000 * 20);  // closed: Wait() asks again until the process has ended
    return false;
  }
  screen_.Feed(std::string(buffer, static_cast<size_t>(n)));
  return true;
}

size_t Terminal::WaitFor(const std::string& text, size_t from, int seconds) {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  while (true) {
    const std::string shown = screen_.Text();
    const size_t at = shown.find(text, std::min(from, shown.size()));
    if (at != shown.npos) return at + text.size();
    if (Clock::now() > end) return shown.npos;
    Read(100);
  }
}

int Terminal::Wait(int seconds) {
  const auto end = Clock::now() + std::chrono::seconds(seconds);
  while (Clock::now() < end) {
    Read(50);
    int status = 0;
    if (waitpid(pid_, &status, WNOHANG) == pid_) {
      while (Read(0)) {
      }
      pid_ = -1;
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
  return -1;
}

}  // namespace lacuna::testing
