// The "normalizer" of tokenizer.json: what changes the text before it is cut up.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // Changes `text`. `at_start` says that its first character is the first of the whole input, and is cleared when
  // that character is removed (Metaspace's "first" scheme asks).
  virtual Status Apply(std::string& text, bool& at_start) const = 0;
};

using Normalizers = std::vector<std::unique_ptr<const Normalizer>>;

// Appends the steps that `node` describes (none for null); `where` is its file and path.
Status ParseNormalizer(const nlohmann::json& node, const std::string& where, Normalizers& steps);

Status ApplyNormalizers(const Normalizers& steps, std::string& text, bool& at_start);

}  // namespace lacuna
