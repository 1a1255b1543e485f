// What `lacuna compress` did, as JSON, as a page of Markdown and as a few lines of text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lacuna/compress.h"
#include "lacuna/evaluate.h"

namespace lacuna::tools {

struct CompressFindings {
  std::string source, output;
  std::vector<std::pair<std::string, std::string>> settings;  // as the user sees them: {"prune", "sparsegpt"}
  CompressReport report;
  BytesPerToken after;
  std::optional<BytesPerToken> before;         // with an evaluation
  std::optional<PerplexityReport> evaluation;  // of the output, the source its reference
};

nlohmann::ordered_json CompressJson(const CompressFindings& findings);
std::string CompressMarkdown(const CompressFindings& findings);
std::string CompressText(const CompressFindings& findings);

}  // namespace lacuna::tools
