#include "io/json.h"

#include <nlohmann/json.hpp>

#include <utility>

#include "base/status_macros.h"
#include "io/file.h"

namespace lacuna {
namespace {

// Builds the value from the parser's events and refuses what is too deep before it is built.
class TreeBuilder final : public nlohmann::json_sax<Json> {
 public:
  TreeBuilder(Json* root, int max_depth) : root_(root), max_depth_(max_depth) {}
  const std::string& error() const { return error_; }

  bool null() override { return Add(nullptr), true; }
  bool boolean(bool value) override { return Add(value), true; }
  bool number_integer(int64_t value) override { return Add(value), true; }
  bool number_unsigned(uint64_t value) override { return Add(value), true; }
  bool number_float(double value, const std::string&) override { return Add(value), true; }
  bool string(std::string& value) override { return Add(std::move(value)), true; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Json::value_t::object); }
  bool key(std::string& key) override {
    member_ = &(*open_.back())[key];
    return true;
  }
  bool end_object() override { return open_.pop_back(), true; }
  bool start_array(std::size_t) override { return Open(Json::value_t::array); }
  bool end_array() override { return open_.pop_back(), true; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& e) override {
    error_ = "broken JSON at byte " + std::to_string(position);
    // "[json.exception.parse_error.101] parse error at line 1, column 2: the reason": the place and the reason.
    const std::string_view what = e.what();
    if (const size_t line = what.find("line "); line != std::string_view::npos)
      error_ += " (" + std::string(what.substr(line)) + ")";
    else if (const size_t text = what.find("] "); text != std::string_view::npos)
      error_ += " (" + std::string(what.substr(text + 2)) + ")";
    return false;
  }

 private:
  template <typename T>
  Json* Add(T&& value) {
    if (open_.empty()) return *root_ = Json(std::forward<T>(value)), root_;
    if (open_.back()->is_array()) return &open_.back()->emplace_back(std::forward<T>(value));
    return *member_ = Json(std::forward<T>(value)), member_;
  }
  bool Open(Json::value_t type) {
    if (static_cast<int>(open_.size()) >= max_depth_) {
      error_ = "nested deeper than " + std::to_string(max_depth_) + " levels";
      return false;
    }
    open_.push_back(Add(type));
    return true;
  }

  Json* root_;
  int max_depth_;
  std::vector<Json*> open_;  // the containers being filled, outermost first; only the innermost one grows
  Json* member_ = nullptr;   // where the value of the last key goes
  std::string error_;
};

std::optional<int64_t> AsInt(const Json& value) {
  if (value.is_number_unsigned()) {
    const uint64_t u = value.get<uint64_t>();
    return u <= INT64_MAX ? std::optional<int64_t>(static_cast<int64_t>(u)) : std::nullopt;
  }
  if (value.is_number_integer()) return value.get<int64_t>();
  if (value.is_number_float()) {
    const double d = value.get<double>();
    if (d >= -9007199254740992.0 && d <= 9007199254740992.0 && d == static_cast<double>(static_cast<int64_t>(d)))
      return static_cast<int64_t>(d);
  }
  return std::nullopt;
}

std::string Range(int64_t min, int64_t max) {
  return "must be an integer from " + std::to_string(min) + " to " + std::to_string(max);
}

std::string Range(double min, double max) {
  return "must be a number from " + Json(min).dump() + " to " + Json(max).dump();
}

}  // namespace

Result<Json> ParseJson(std::string_view text, const std::string& name, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes)
    return InvalidInput(name + ": " + std::to_string(text.size()) + " bytes of JSON; at most " +
                        std::to_string(limits.max_bytes) + " are read");
  Json root;
  TreeBuilder builder(&root, limits.max_depth);
  if (!Json::sax_parse(text.begin(), text.end(), &builder))
    return InvalidInput(name + ": " + (builder.error().empty() ? "broken JSON" : builder.error()));
  return root;
}

Result<Json> ParseJsonFile(const std::string& path, const JsonLimits& limits) {
  LACUNA_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, limits.max_bytes));
  return ParseJson(text, path, limits);
}

std::string JsonQuote(std::string_view text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

bool IsValidUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  for (size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    const int more = lead < 0x80                   ? 0
                     : lead >= 0xc2 && lead < 0xe0 ? 1
                     : lead >= 0xe0 && lead < 0xf0 ? 2
                     : lead >= 0xf0 && lead < 0xf5 ? 3
                                                   : -1;
    if (more < 0 || i + more >= text.size()) return false;
    for (int k = 1; k <= more; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    // Overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte.
    if (more >= 1) {
      const unsigned second = byte(i + 1);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) || (lead == 0xf0 && second < 0x90) ||
          (lead == 0xf4 && second >= 0x90))
        return false;
    }
    i += more + 1;
  }
  return true;
}

std::string JsonExcerpt(const Json& value) {
  constexpr size_t kLongest = 80;
  if (value.is_object() && !value.empty()) return "an object";
  if (value.is_array() && value.size() > 8) return "a list of " + std::to_string(value.size());
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);  // ASCII: may be cut anywhere
  if (text.size() > kLongest) text = text.substr(0, kLongest) + "...";
  return text;
}

JsonReader::JsonReader(std::string file, std::string prefix, const Json* object)
    : file_(std::move(file)), prefix_(std::move(prefix)), object_(object) {}

Result<JsonReader> JsonReader::Create(const std::string& file, const Json& value) {
  if (!value.is_object()) return InvalidInput(file + ": is " + JsonExcerpt(value) + "; it must be a JSON object");
  return JsonReader(file, "", &value);
}

const Json* JsonReader::Find(std::string_view key) const {
  const auto it = object_->find(key);
  return it == object_->end() ? nullptr : &*it;
}

bool JsonReader::HasValue(std::string_view key) const {
  const Json* value = Find(key);
  return value && !value->is_null();
}

Status JsonReader::Error(std::string_view key, const std::string& message) const {
  return InvalidInput(file_ + ": `" + prefix_ + std::string(key) + "` " + message);
}

Status JsonReader::WrongValue(std::string_view key, const std::string& message) const {
  const Json* value = Find(key);
  return Error(key, "is " + (value ? JsonExcerpt(*value) : "absent") + "; " + message);
}

Status JsonReader::Missing(std::string_view key, const std::string& expected) const {
  return Error(key, "is missing; it " + expected);
}

Result<int64_t> JsonReader::Int(std::string_view key, int64_t min, int64_t max) const {
  const Json* value = Find(key);
  if (!value) return Missing(key, Range(min, max));
  const std::optional<int64_t> i = AsInt(*value);
  if (!i || *i < min || *i > max) return WrongValue(key, "it " + Range(min, max));
  return *i;
}

Result<int64_t> JsonReader::IntOr(std::string_view key, int64_t absent, int64_t min, int64_t max) const {
  if (!Has(key)) return absent;
  return Int(key, min, max);
}

Result<std::optional<int64_t>> JsonReader::OptionalInt(std::string_view key, int64_t min, int64_t max) const {
  if (!HasValue(key)) return std::optional<int64_t>();
  LACUNA_ASSIGN_OR_RETURN(const int64_t i, Int(key, min, max));
  return std::optional<int64_t>(i);
}

Result<std::optional<std::vector<int64_t>>> JsonReader::OptionalInts(std::string_view key, int64_t min,
                                                                     int64_t max) const {
  if (!HasValue(key)) return std::optional<std::vector<int64_t>>();
  const Json* value = Find(key);
  std::vector<int64_t> list;
  const auto add = [&](const Json& item) {
    const std::optional<int64_t> i = AsInt(item);
    if (!i || *i < min || *i > max) return false;
    list.push_back(*i);
    return true;
  };
  bool good = true;
  if (value->is_array()) {
    for (const Json& item : *value) good = good && add(item);
  } else {
    good = add(*value);
  }
  if (!good) return WrongValue(key, "it " + Range(min, max) + " or a list of such");
  return std::optional(std::move(list));
}

Result<double> JsonReader::Number(std::string_view key, double min, double max) const {
  const Json* value = Find(key);
  if (!value) return Missing(key, Range(min, max));
  const double d = value->is_number() ? value->get<double>() : 0;
  if (!value->is_number() || !(d >= min && d <= max)) return WrongValue(key, "it " + Range(min, max));
  return d;
}

Result<double> JsonReader::NumberOr(std::string_view key, double absent, double min, double max) const {
  if (!Has(key)) return absent;
  return Number(key, min, max);
}

Result<std::optional<double>> JsonReader::OptionalNumber(std::string_view key, double min, double max) const {
  if (!HasValue(key)) return std::optional<double>();
  LACUNA_ASSIGN_OR_RETURN(const double d, Number(key, min, max));
  return std::optional<double>(d);
}

Result<bool> JsonReader::BoolOr(std::string_view key, bool absent) const {
  const Json* value = Find(key);
  if (!value) return absent;
  if (!value->is_boolean()) return WrongValue(key, "it must be true or false");
  return value->get<bool>();
}

Result<std::string> JsonReader::String(std::string_view key) const {
  const Json* value = Find(key);
  if (!value) return Missing(key, "must be a string");
  if (!value->is_string()) return WrongValue(key, "it must be a string");
  return value->get<std::string>();
}

Result<std::string> JsonReader::StringOr(std::string_view key, std::string_view absent) const {
  if (!Has(key)) return std::string(absent);
  return String(key);
}

Result<std::optional<std::string>> JsonReader::OptionalString(std::string_view key) const {
  if (!HasValue(key)) return std::optional<std::string>();
  LACUNA_ASSIGN_OR_RETURN(std::string s, String(key));
  return std::optional(std::move(s));
}

Result<std::optional<std::vector<std::string>>> JsonReader::OptionalStrings(std::string_view key) const {
  if (!HasValue(key)) return std::optional<std::vector<std::string>>();
  const Json* value = Find(key);
  std::vector<std::string> list;
  bool good = value->is_array();
  if (good) {
    for (const Json& item : *value) {
      good = good && item.is_string();
      if (good) list.push_back(item.get<std::string>());
    }
  }
  if (!good) return WrongValue(key, "it must be a list of strings");
  return std::optional(std::move(list));
}

Result<std::optional<JsonReader>> JsonReader::OptionalObject(std::string_view key) const {
  if (!HasValue(key)) return std::optional<JsonReader>();
  const Json* value = Find(key);
  if (!value->is_object()) return WrongValue(key, "it must be an object");
  return std::optional(JsonReader(file_, prefix_ + std::string(key) + ".", value));
}

}  // namespace lacuna
