#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lacuna {
namespace {

TEST(Logger, DeliversFromTheThresholdUp) {
  std::vector<std::string> seen;
  const Logger logger(
      [&](LogLevel level, std::string_view text) {
        seen.push_back(std::string(LogLevelName(level)) + ": " + std::string(text));
      },
      LogLevel::kWarning);
  logger.Debug("a");
  logger.Info("b");
  logger.Warning("c");
  logger.Error("d");
  EXPECT_EQ(seen, (std::vector<std::string>{"warning: c", "error: d"}));
  EXPECT_FALSE(logger.Enabled(LogLevel::kInfo));
  EXPECT_TRUE(logger.Enabled(LogLevel::kError));
}

TEST(Logger, CopiesShareTheCallbackAndEmptyOnesDrop) {
  int count = 0;
  const Logger logger([&](LogLevel, std::string_view) { ++count; });
  const Logger copy = logger;
  copy.Info("x");
  logger.Info("y");
  Logger().Error("nobody listens");
  EXPECT_EQ(count, 2);
  EXPECT_FALSE(Logger().Enabled(LogLevel::kError));
}

}  // namespace
}  // namespace lacuna
