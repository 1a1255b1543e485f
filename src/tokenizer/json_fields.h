// Typed access to one JSON object of tokenizer.json that says what is wrong: missing, of another type, or unknown.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"
#include "tokenizer/pattern.h"

namespace lacuna {

// The getters return a harmless value after an error and remember the first one; Finish() returns it. A setting that
// no getter asked for may change the ids, so Finish() refuses it by name.
class JsonFields {
 public:
  // `where` is the file and the object's path. `node` must outlive this.
  JsonFields(const nlohmann::json& node, std::string where);

  // The "type" member that selects a component.
  std::string Type() { return String("type"); }
  // Without `fallback` the field must be there. null counts as absent.
  bool Bool(const char* key, std::optional<bool> fallback = {});
  std::string String(const char* key, std::optional<std::string> fallback = {});
  int64_t Int(const char* key, int64_t low, int64_t high);
  char32_t Char(const char* key);
  SplitBehavior Behavior(const char* key, std::optional<SplitBehavior> fallback = {});
  // {"String": ...} or {"Regex": ...}
  std::optional<Pattern> GetPattern(const char* key);
  // An array or object member, nullptr (and an error) without.
  const nlohmann::json* Array(const char* key);
  const nlohmann::json* Object(const char* key);
  // Fields that are known to change nothing.
  void Ignore(std::initializer_list<const char*> keys);
  bool Has(const char* key) const { return Find(key) != nullptr; }

  std::string Path(const std::string& key) const { return where_ + "." + key; }
  const std::string& where() const { return where_; }
  void Fail(Status status);
  Status Finish();

 private:
  const nlohmann::json* Find(const char* key) const;
  const nlohmann::json* Get(const char* key, bool required, const char* wanted, bool (*check)(const nlohmann::json&));

  const nlohmann::json& node_;
  std::string where_;
  Status status_;
  std::vector<std::string_view> seen_;
};

}  // namespace lacuna
