// A folder that appears under its name when everything is in it, and a progress bar, for the commands that write
// models.
#pragma once

#include <functional>
#include <string>

#include "lacuna/status.h"

namespace lacuna::tools {

// Calls write(folder) on a temporary folder beside `output` and renames it; removes it when write fails. `output` must
// not exist, or be empty.
Status WriteFolder(const std::string& output, const std::function<Status(const std::string& folder)>& write);

// On a terminal's standard error: "[####....] 40 % of WHAT".
void ShowProgress(double fraction, const std::string& what);

}  // namespace lacuna::tools
