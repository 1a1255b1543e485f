// The text of `--calibration demo`: models/calibration/demo.jsonl, which is built into the command.
#pragma once

#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna::tools {

// The lines as they are: {"text"} or {"messages"}.
std::string_view DemoCalibrationLines();

// As the model of a directory (or GGUF file) reads it: conversations in its chat template; without one what was said,
// line by line.
Result<std::string> DemoCalibration(const std::string& model);

}  // namespace lacuna::tools
