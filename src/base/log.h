// Logging as a value: a Logger travels in contexts and hands each message to the caller's callback. There is no
// global logger, and an empty Logger drops everything. Not for hot paths: messages are built as strings.
#pragma once

#include <functional>
#include <string_view>

namespace lacuna {

enum class LogLevel { kDebug = 0, kInfo = 1, kWarning = 2, kError = 3 };

// "debug", "info", "warning", "error".
const char* LogLevelName(LogLevel level);

// May be called from several threads at once, so it locks what it shares. The message is one line without newline.
using LogCallback = std::function<void(LogLevel level, std::string_view message)>;

class Logger {
 public:
  Logger() = default;
  // Messages below `threshold` are dropped before the callback.
  explicit Logger(LogCallback callback, LogLevel threshold = LogLevel::kInfo)
      : callback_(std::move(callback)), threshold_(threshold) {}

  // True when a message of this level would be delivered: ask before building an expensive one.
  bool Enabled(LogLevel level) const { return callback_ && level >= threshold_; }

  void Log(LogLevel level, std::string_view message) const;
  void Debug(std::string_view message) const { Log(LogLevel::kDebug, message); }
  void Info(std::string_view message) const { Log(LogLevel::kInfo, message); }
  void Warning(std::string_view message) const { Log(LogLevel::kWarning, message); }
  void Error(std::string_view message) const { Log(LogLevel::kError, message); }

 private:
  LogCallback callback_;
  LogLevel threshold_ = LogLevel::kInfo;
};

}  // namespace lacuna
