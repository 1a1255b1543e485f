// --codec and what goes with it, for the commands that write packed models.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lacuna/status.h"
#include "model/pack_model.h"
#include "tools/command.h"

namespace lacuna::tools {

struct CodecFlags {
  std::string codec;
  std::optional<int> group, activation_group;
  std::string activations, scales, pattern;
  std::vector<std::string> keep;

  void AddTo(CLI::App& app);
  Result<Codec> Parse() const;
  // Flags that need --codec are an error.
  Status OnlyKeep() const;
  Result<std::vector<CodecRule>> Rules() const;

 private:
  Result<Codec> WithFlags(const std::string& name) const;
};

}  // namespace lacuna::tools
