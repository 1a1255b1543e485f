// The "post_processor" of tokenizer.json: the special tokens around a single sequence.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

// One template: ids in order, kText where the text's ids stand.
struct Template {
  static constexpr int32_t kText = -1;
  std::vector<int32_t> items;
};

using HasToken = std::function<bool(int32_t id)>;

// Appends the templates that `node` describes (none for null), to be applied in order. Every id must be in the
// vocabulary, as `has` tells.
Status ParsePostProcessor(const nlohmann::json& node, const std::string& where, const HasToken& has,
                          std::vector<Template>& templates);

// Without `add_special` only the text's ids remain.
std::vector<int32_t> ApplyTemplates(const std::vector<Template>& templates, bool add_special, std::vector<int32_t> ids);

}  // namespace lacuna
