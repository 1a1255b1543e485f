#include "base/log.h"

namespace lacuna {

const char* LogLevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "unknown";
}

void Logger::Log(LogLevel level, std::string_view message) const {
  if (Enabled(level)) callback_(level, message);
}

}  // namespace lacuna
