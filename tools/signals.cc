#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/status_macros.h"
#include "tools/command.h"

namespace lacuna::tools {
namespace {

std::atomic<bool> cancel{false};
std::atomic<int> last_signal{0};
std::atomic<bool> scoped{false};

// What the terminal is given back when the program ends at once.
termios terminal{};
std::atomic<bool> terminal_changed{false};
std::atomic<bool> terminal_colored{false};

void GiveTerminalBack() {
  if (terminal_colored) (void)!write(STDOUT_FILENO, "\033[0m", 4);
  if (terminal_changed) tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
}

void OnSignal(int signal) {
  last_signal = signal;
  if (scoped && !cancel.exchange(true)) return;
  GiveTerminalBack();
  (void)!write(STDERR_FILENO, "\n", terminal_changed ? 1 : 0);
  _exit(128 + signal);
}

void OnClosedPipe(int) { _exit(0); }

}  // namespace

void InstallSignals() {
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGPIPE, OnClosedPipe);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that grows too large is an error of write
}

void LeaveUnwritten(int error) {
  if (error == EPIPE) _exit(0);
  GiveTerminalBack();
  Fail(IoError(std::string("standard output cannot be written (") + std::strerror(error) + ")"));
  _exit(1);
}

TerminalGuard::TerminalGuard() {
  if (tcgetattr(STDIN_FILENO, &terminal) == 0) terminal_changed = true;
}
TerminalGuard::~TerminalGuard() { terminal_changed = false; }
void TerminalIsColored(bool colored) { terminal_colored = colored; }

CancelScope::CancelScope() {
  cancel = false;
  scoped = true;
}
CancelScope::~CancelScope() { scoped = false; }
const std::atomic<bool>* CancelScope::flag() const { return &cancel; }
bool cancelled() { return cancel; }
int CancelledExitCode() { return 128 + (last_signal == 0 ? SIGINT : last_signal.load()); }

}  // namespace lacuna::tools
