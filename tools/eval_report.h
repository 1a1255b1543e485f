// What `lacuna eval` found, as the JSON of docs/DESIGN.md 14 and as text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "lacuna/lacuna.h"
#include "lacuna/tasks.h"

namespace lacuna::tools {

struct EvalFindings {
  ModelInfo model;
  Numerics numerics = Numerics::kDefault;
  BytesPerToken token_bytes;
  std::string reference;  // its directory
  std::optional<PerplexityReport> perplexity;
  std::optional<TaskReport> tasks;
  double seconds = 0;
};

nlohmann::ordered_json EvalJson(const EvalFindings& findings);
std::string EvalText(const EvalFindings& findings);

}  // namespace lacuna::tools
