// Where tests find their inputs.
#pragma once

#include <cstdlib>
#include <string>

namespace lacuna::testing {

// A file under tests/data.
inline std::string DataPath(const std::string& name) { return std::string(LACUNA_SOURCE_DIR "/tests/data/") + name; }

// The folder of real inputs that scripts/test.sh names in LACUNA_TEST_DATA, "" when there is none: such tests skip.
inline std::string SharedData() {
  const char* dir = std::getenv("LACUNA_TEST_DATA");
  return dir ? dir : "";
}

}  // namespace lacuna::testing

// Skips the test, by name, when the real inputs are not here.
#define LACUNA_NEEDS_SHARED_DATA()             \
  if (::lacuna::testing::SharedData().empty()) \
  GTEST_SKIP() << "LACUNA_TEST_DATA is not set: real test inputs are not here"
