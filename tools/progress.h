// Progress of long work on standard error: on a terminal a bar with the time left, elsewhere a line now and then.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lacuna::tools {

// "1:05", "2:03:04".
std::string FormatSeconds(double seconds);

class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();  // takes the bar away
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void Update(int64_t done, int64_t total);

 private:
  using Clock = std::chrono::steady_clock;
  const std::string what_;
  const bool terminal_;
  const Clock::time_point start_;
  Clock::time_point shown_;
  bool drawn_ = false;
};

}  // namespace lacuna::tools
