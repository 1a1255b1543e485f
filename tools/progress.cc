#include "tools/progress.h"

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "tools/command.h"

namespace lacuna::tools {
namespace {

constexpr int kWidth = 30;

}  // namespace

std::string FormatSeconds(double seconds) {
  const auto whole = static_cast<long long>(std::max(0.0, seconds) + 0.5);
  char text[48];
  if (whole >= 3600) {
    std::snprintf(text, sizeof(text), "%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  } else {
    std::snprintf(text, sizeof(text), "%lld:%02lld", whole / 60, whole % 60);
  }
  return text;
}

ProgressBar::ProgressBar(std::string what)
    : what_(std::move(what)), terminal_(StderrIsTerminal()), start_(Clock::now()), shown_(start_) {}

ProgressBar::~ProgressBar() {
  if (drawn_ && terminal_) std::cerr << "\r\033[K" << std::flush;
}

void ProgressBar::Update(int64_t done, int64_t total) {
  const Clock::time_point now = Clock::now();
  const auto wait = std::chrono::milliseconds(terminal_ ? 100 : 15000);
  if (total <= 0 || now - shown_ < wait) return;
  shown_ = now;
  drawn_ = true;
  const double share = std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0);
  const double spent = std::chrono::duration<double>(now - start_).count();
  const std::string left = share > 0 ? FormatSeconds(spent / share - spent) + " left" : "";
  const std::string percent = std::to_string(static_cast<int>(share * 100)) + " %";
  if (!terminal_) {
    std::cerr << what_ << ": " << percent << ", " << left << "\n";
    return;
  }
  std::string bar(static_cast<std::size_t>(share * kWidth), '#');
  bar.resize(kWidth, '.');
  std::cerr << "\r" << what_ << " [" << bar << "] " << percent << ", " << left << "\033[K" << std::flush;
}

}  // namespace lacuna::tools
