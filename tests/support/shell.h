// Shell scripts around the lacuna command.
#pragma once

#include <string>

#include "tests/support/command.h"

namespace lacuna::testing {

// The command is $lacuna; `input` is the script's standard input.
CommandResult RunShell(const std::string& script, const std::string& input = "");

}  // namespace lacuna::testing
