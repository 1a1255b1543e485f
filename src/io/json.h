// Strict JSON: UTF-8 only, no NaN, no comments, nothing after the value; bounded depth and size. A repeated key's last
// value counts. Nothing here throws on bad input. Users of Json values include <nlohmann/json.hpp> themselves.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

using Json = nlohmann::json;

struct JsonLimits {
  int max_depth = 64;                   // arrays and objects inside each other
  size_t max_bytes = size_t{64} << 20;  // of text
};

// `name` (a path) starts every message.
Result<Json> ParseJson(std::string_view text, const std::string& name, const JsonLimits& limits = {});
Result<Json> ParseJsonFile(const std::string& path, const JsonLimits& limits = {});

// `text` as a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD.
std::string JsonQuote(std::string_view text);
bool IsValidUtf8(std::string_view text);

// The value for an error message: its JSON text, shortened.
std::string JsonExcerpt(const Json& value);

// Typed access to the fields of one JSON object. Errors name the file, the field (with its path,
// "rope_scaling.factor"), what it is and what would be right. A field may be absent, null or have a value, and these
// differ:
//   Int(key)          must be there            IntOr(key, x)     absent: x; null is an error
//   OptionalInt(key)  absent or null: nullopt
// The reader points into the Json value, which must outlive it.
class JsonReader {
 public:
  // kInvalidInput if `value` is no object.
  static Result<JsonReader> Create(const std::string& file, const Json& value);

  bool Has(std::string_view key) const { return Find(key) != nullptr; }  // with a value or null
  bool HasValue(std::string_view key) const;                             // and not null
  bool IsNull(std::string_view key) const { return Has(key) && !HasValue(key); }
  const Json* Find(std::string_view key) const;

  // Integers may be written as 8192.0, never as 0.5 or "8192".
  Result<int64_t> Int(std::string_view key, int64_t min, int64_t max) const;
  Result<int64_t> IntOr(std::string_view key, int64_t absent, int64_t min, int64_t max) const;
  Result<std::optional<int64_t>> OptionalInt(std::string_view key, int64_t min, int64_t max) const;
  // One integer or a list of them.
  Result<std::optional<std::vector<int64_t>>> OptionalInts(std::string_view key, int64_t min, int64_t max) const;

  // Numbers in [min, max]; integers count.
  Result<double> Number(std::string_view key, double min, double max) const;
  Result<double> NumberOr(std::string_view key, double absent, double min, double max) const;
  Result<std::optional<double>> OptionalNumber(std::string_view key, double min, double max) const;

  Result<bool> BoolOr(std::string_view key, bool absent) const;
  Result<std::string> String(std::string_view key) const;
  Result<std::string> StringOr(std::string_view key, std::string_view absent) const;
  Result<std::optional<std::string>> OptionalString(std::string_view key) const;
  Result<std::optional<std::vector<std::string>>> OptionalStrings(std::string_view key) const;

  // An object inside.
  Result<std::optional<JsonReader>> OptionalObject(std::string_view key) const;

  // "FILE: `field` MESSAGE".
  Status Error(std::string_view key, const std::string& message) const;
  // "FILE: `field` is VALUE; MESSAGE".
  Status WrongValue(std::string_view key, const std::string& message) const;
  const std::string& file() const { return file_; }

 private:
  JsonReader(std::string file, std::string prefix, const Json* object);
  Status Missing(std::string_view key, const std::string& expected) const;

  std::string file_;
  std::string prefix_;  // "" or "rope_scaling."
  const Json* object_;
};

}  // namespace lacuna
