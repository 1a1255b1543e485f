#include "tokenizer/json_fields.h"

#include <algorithm>
#include <utility>

#include "tokenizer/unicode.h"

namespace lacuna {

using nlohmann::json;

JsonFields::JsonFields(const json& node, std::string where) : node_(node), where_(std::move(where)) {
  if (!node_.is_object()) Fail(InvalidInput(where_ + ": should be an object"));
}

void JsonFields::Fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

const json* JsonFields::Find(const char* key) const {
  if (!node_.is_object()) return nullptr;
  const auto it = node_.find(key);
  return it == node_.end() || it->is_null() ? nullptr : &*it;
}

const json* JsonFields::Get(const char* key, bool required, const char* wanted, bool (*check)(const json&)) {
  seen_.emplace_back(key);
  const json* value = Find(key);
  if (!value) {
    if (required) Fail(InvalidInput(Path(key) + ": is missing; it should be " + wanted));
    return nullptr;
  }
  if (check(*value)) return value;
  Fail(InvalidInput(Path(key) + ": should be " + wanted));
  return nullptr;
}

bool JsonFields::Bool(const char* key, std::optional<bool> fallback) {
  const json* v = Get(key, !fallback, "true or false", [](const json& j) { return j.is_boolean(); });
  return v ? v->get<bool>() : fallback.value_or(false);
}

std::string JsonFields::String(const char* key, std::optional<std::string> fallback) {
  const json* v = Get(key, !fallback, "a string", [](const json& j) { return j.is_string(); });
  return v ? v->get_ref<const std::string&>() : fallback.value_or("");
}

int64_t JsonFields::Int(const char* key, int64_t low, int64_t high) {
  const json* v = Get(key, true, "a whole number", [](const json& j) { return j.is_number_integer(); });
  if (!v) return low;
  const bool huge = v->is_number_unsigned() && v->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  const int64_t value = huge ? INT64_MAX : v->get<int64_t>();
  if (value >= low && value <= high) return value;
  Fail(InvalidInput(Path(key) + ": is " + v->dump() + "; it should be from " + std::to_string(low) + " to " +
                    std::to_string(high)));
  return low;
}

char32_t JsonFields::Char(const char* key) {
  const std::string s = String(key);
  size_t pos = 0;
  const char32_t c = s.empty() ? 0 : unicode::Next(s, pos);
  if (s.empty() || pos != s.size()) Fail(InvalidInput(Path(key) + ": should be a string of one character"));
  return c;
}

SplitBehavior JsonFields::Behavior(const char* key, std::optional<SplitBehavior> fallback) {
  static constexpr std::pair<const char*, SplitBehavior> kNames[] = {
      {"Removed", SplitBehavior::kRemoved},
      {"Isolated", SplitBehavior::kIsolated},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous}};
  if (fallback && !Has(key)) {
    seen_.emplace_back(key);
    return *fallback;
  }
  const std::string name = String(key);
  for (const auto& [known, behavior] : kNames) {
    if (name == known) return behavior;
  }
  Fail(InvalidInput(Path(key) + ": \"" + name +
                    "\" is not a behavior; it should be Removed, Isolated, MergedWithPrevious, MergedWithNext or "
                    "Contiguous"));
  return SplitBehavior::kIsolated;
}

std::optional<Pattern> JsonFields::GetPattern(const char* key) {
  const json* v = Get(key, true, "{\"String\": ...} or {\"Regex\": ...}", [](const json& j) {
    return j.is_object() && j.size() == 1 && (j.contains("String") || j.contains("Regex")) && j.begin()->is_string();
  });
  if (!v) return {};
  const std::string& text = v->begin()->get_ref<const std::string&>();
  if (v->contains("String")) {
    if (text.empty()) {
      Fail(InvalidInput(Path(key) + ": the string is empty; it should have at least one character"));
      return {};
    }
    return Pattern(text);
  }
  Result<Regex> regex = Regex::Compile(text, Path(key));
  if (!regex.ok()) {
    Fail(regex.status());
    return {};
  }
  return Pattern(std::move(regex).value());
}

const json* JsonFields::Array(const char* key) {
  return Get(key, true, "an array", [](const json& j) { return j.is_array(); });
}

const json* JsonFields::Object(const char* key) {
  return Get(key, true, "an object", [](const json& j) { return j.is_object(); });
}

void JsonFields::Ignore(std::initializer_list<const char*> keys) {
  for (const char* key : keys) seen_.emplace_back(key);
}

Status JsonFields::Finish() {
  if (!status_.ok()) return status_;
  for (const auto& item : node_.items()) {
    if (std::find(seen_.begin(), seen_.end(), item.key()) == seen_.end()) {
      Fail(InvalidInput(Path(item.key()) + ": is not a setting that lacuna knows"));
    }
  }
  return status_;
}

}  // namespace lacuna
