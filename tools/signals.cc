#include <csignal>
#include <unistd.h>

#include "tools/command.h"

namespace lacuna::tools {
namespace {

std::atomic<bool> cancel{false};
std::atomic<int> last_signal{0};
std::atomic<bool> scoped{false};

void OnSignal(int signal) {
  last_signal = signal;
  if (!scoped || cancel.exchange(true)) _exit(128 + signal);
}

void OnClosedPipe(int) { _exit(0); }

}  // namespace

void InstallSignals() {
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGPIPE, OnClosedPipe);
}

CancelScope::CancelScope() {
  cancel = false;
  scoped = true;
}
CancelScope::~CancelScope() { scoped = false; }
const std::atomic<bool>* CancelScope::flag() const { return &cancel; }
bool cancelled() { return cancel; }
int CancelledExitCode() { return 128 + (last_signal == 0 ? SIGINT : last_signal.load()); }

}  // namespace lacuna::tools
