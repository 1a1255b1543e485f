#include "grammar/json_schema.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "base/status_macros.h"
#include "grammar/integer_range.h"
#include "grammar/json_rules.h"
#include "grammar/number_range.h"
#include "grammar/pattern_rules.h"
#include "io/json.h"

namespace lacuna {
namespace {

using Ordered = nlohmann::ordered_json;

constexpr size_t kMaxBytes = size_t{1} << 20, kMaxGrammar = size_t{8} << 20;
constexpr int kMaxRules = 20'000;
constexpr double kLastInteger = 9007199254740991;  // beyond it doubles have gaps; generators write it for "any integer"

// These say nothing about which values fit (the last row is OpenAPI's).
const std::set<std::string, std::less<>> kNotes = {
    "title",     "description",  "default",          "examples",        "$schema",
    "$id",       "$comment",     "readOnly",         "$defs",           "definitions",
    "writeOnly", "deprecated",   "contentMediaType", "contentEncoding", "$anchor",
    "example",   "discriminator"};

bool IsNote(const std::string& key) { return kNotes.count(key) > 0 || key.starts_with("x-"); }

// Whether a value is of a schema's `type`, one name.
bool HasType(const Ordered& value, const std::string& type) {
  if (type == "integer") return value.is_number() && value.get<double>() == std::floor(value.get<double>());
  if (type == "number") return value.is_number();
  return type == (value.is_object()    ? "object"
                  : value.is_array()   ? "array"
                  : value.is_string()  ? "string"
                  : value.is_boolean() ? "boolean"
                  : value.is_null()    ? "null"
                                       : "number");
}

class Writer {
 public:
  Writer(const Ordered& schema, const std::string& name) : root_(schema), name_(name) {}

  Result<std::string> Write() {
    LACUNA_ASSIGN_OR_RETURN(const std::string root,
                            root_.is_object() && root_.empty() ? Rule("object") : Visit(root_, "#"));
    std::string text = "root ::= " + root + "\n";
    for (const auto& [rule, body] : rules_) text += rule + " ::= " + body + "\n";
    return text;
  }

 private:
  Status Error(const std::string& path, const std::string& message) const {
    return InvalidInput(name_ + ": `" + path + "` " + message);
  }
  Status Expected(const std::string& path, const char* what) const {
    return Error(path, std::string("expected ") + what);
  }

  // A rule of json_rules.h, with those that it needs.
  Result<std::string> Rule(const std::string& name) {
    if (rules_.try_emplace(name, JsonRule(name)).second) {
      for (const std::string& other : JsonRuleNeeds(name)) LACUNA_RETURN_IF_ERROR(Rule(other).status());
    }
    return name;
  }

  // A name of its own for the rule at `path`, which the body may name before it is there.
  Result<std::string> NewRule(const std::string& path) {
    if (count_ >= kMaxRules)
      return InvalidInput(name_ + ": the schema needs more than " + std::to_string(kMaxRules) + " rules");
    std::string name = "s" + std::to_string(count_++);
    for (const char c : path.substr(path.find_last_of('/') + 1)) {
      if (name.size() < 40 && std::isalnum(static_cast<unsigned char>(c)))
        name += (name.find('-') == name.npos ? "-" : "") + std::string(1, c);
    }
    return name;
  }

  Status Set(const std::string& rule, std::string body) {
    bytes_ += rule.size() + body.size();
    if (bytes_ > kMaxGrammar) return InvalidInput(name_ + ": the schema's grammar has more than 8 MiB");
    rules_[rule] = std::move(body);
    return {};
  }

  // The name of a new rule with this body.
  Result<std::string> RuleOf(const std::string& path, std::string body) {
    LACUNA_ASSIGN_OR_RETURN(std::string rule, NewRule(path));
    LACUNA_RETURN_IF_ERROR(Set(rule, std::move(body)));
    return rule;
  }

  Status OnlyKnown(const Ordered& schema, const std::string& path,
                   std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : schema.items()) {
      if (IsNote(key) || std::find(known.begin(), known.end(), key) != known.end()) continue;
      std::string list;
      for (const std::string_view k : known) list += (list.empty() ? "" : ", ") + std::string(k);
      return Error(path + "/" + Escaped(key), "is a keyword that is not supported here, supported are " + list);
    }
    return {};
  }

  static std::string Escaped(const std::string& key) {
    std::string out;
    for (const char c : key.substr(0, 60)) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return out;
  }

  // The name of a rule for the schema.
  Result<std::string> Visit(const Ordered& schema, const std::string& path) {
    if (++depth_ > 100) return Error(path, "is nested too deeply");
    auto rule = VisitInner(schema, path);
    --depth_;
    return rule;
  }

  Result<std::string> VisitInner(const Ordered& schema, const std::string& path) {
    if (schema.is_boolean() && schema.get<bool>()) return Rule("value");
    if (!schema.is_object()) return Expected(path, "a schema: an object, or true");
    if (schema.contains("$ref")) return Reference(schema, path);
    if (schema.contains("const")) {
      LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"const", "type"}));
      return Literal(schema, Ordered::array({schema["const"]}), path);
    }
    if (schema.contains("enum")) {
      LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"enum", "type"}));
      if (!schema["enum"].is_array() || schema["enum"].empty())
        return Expected(path + "/enum", "a list of one value or more");
      return Literal(schema, schema["enum"], path);
    }
    for (const char* key : {"anyOf", "oneOf"}) {
      if (!schema.contains(key)) continue;
      LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {key}));
      return AnyOf(schema[key], path + "/" + key);
    }
    if (schema.contains("allOf")) {
      LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"allOf"}));
      if (!schema["allOf"].is_array() || schema["allOf"].size() != 1)
        return Expected(path + "/allOf", "a list of one schema");
      return Visit(schema["allOf"][0], path + "/allOf/0");
    }
    if (!schema.contains("type")) return Untyped(schema, path);
    const Ordered& type = schema["type"];
    if (type.is_string()) return Typed(schema, type.get<std::string>(), path);
    if (!type.is_array() || type.empty()) return Expected(path + "/type", "the name of a type, or a list of them");
    std::string body;
    for (const Ordered& t : type) {
      if (!t.is_string()) return Expected(path + "/type", "the name of a type, or a list of them");
      // Keywords of the other types say nothing about this one.
      Ordered one = Ordered::object();
      for (const auto& [key, value] : schema.items()) {
        if (type.size() == 1 || IsNote(key) || Belongs(key, t.get<std::string>())) one[key] = value;
      }
      LACUNA_ASSIGN_OR_RETURN(const std::string rule, Typed(one, t.get<std::string>(), path));
      body += (body.empty() ? "" : " | ") + rule;
    }
    LACUNA_RETURN_IF_ERROR(AllBelong(schema, path));
    return RuleOf(path, body);
  }

  static bool Belongs(const std::string& key, const std::string& type) {
    static const std::map<std::string, std::vector<std::string>> kKeys = {
        {"string", {"minLength", "maxLength", "format", "pattern"}},
        {"integer", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
        {"number", {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}},
        {"array", {"items", "prefixItems", "minItems", "maxItems"}},
        {"object", {"properties", "required", "additionalProperties"}}};
    const auto at = kKeys.find(type);
    return at != kKeys.end() && std::find(at->second.begin(), at->second.end(), key) != at->second.end();
  }

  Status AllBelong(const Ordered& schema, const std::string& path) const {
    for (const auto& [key, value] : schema.items()) {
      bool known = key == "type" || IsNote(key);
      for (const Ordered& t : schema["type"]) known = known || Belongs(key, t.get<std::string>());
      if (!known) return Error(path + "/" + Escaped(key), "is a keyword that is not supported with these types");
    }
    return {};
  }

  Result<std::string> Untyped(const Ordered& schema, const std::string& path) {
    for (const char* type : {"object", "array", "string"}) {
      for (const auto& [key, value] : schema.items()) {
        if (Belongs(key, type)) return Typed(schema, type, path);
      }
    }
    LACUNA_RETURN_IF_ERROR(
        OnlyKnown(schema, path, {"type", "properties", "items", "enum", "const", "anyOf", "oneOf", "$ref"}));
    return Rule("value");
  }

  Result<std::string> Typed(const Ordered& schema, const std::string& type, const std::string& path) {
    if (type == "object") return Object(schema, path);
    if (type == "array") return Array(schema, path);
    if (type == "string") return String(schema, path);
    if (type == "integer") return Integer(schema, path);
    if (type == "number") return Number(schema, path);
    if (type == "boolean" || type == "null") {
      LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"type"}));
      return Rule(type);
    }
    return Error(path + "/type",
                 "is '" + type.substr(0, 40) + "', expected object, array, string, integer, number, boolean or null");
  }

  Result<std::string> Reference(const Ordered& schema, const std::string& path) {
    LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"$ref"}));
    const Ordered& ref = schema["$ref"];
    const std::string target = ref.is_string() ? ref.get<std::string>() : "";
    if (target != "#" && !target.starts_with("#/"))
      return Expected(path + "/$ref", "a place in this schema: #/$defs/NAME");
    if (const auto at = references_.find(target); at != references_.end()) return at->second;
    const Ordered* to = &root_;
    for (size_t at = 1; at < target.size();) {
      const size_t end = std::min(target.find('/', at + 1), target.size());
      std::string key;
      for (size_t i = at + 1; i < end; ++i) {
        const bool escape = target[i] == '~' && i + 1 < end && (target[i + 1] == '0' || target[i + 1] == '1');
        key += escape ? (target[i + 1] == '0' ? '~' : '/') : target[i];
        i += escape;
      }
      at = end;
      if (!to->is_object() || !to->contains(key))
        return Error(path + "/$ref", "points to " + target + ", which is not there");
      to = &(*to)[key];
    }
    LACUNA_ASSIGN_OR_RETURN(const std::string rule, NewRule(target));
    references_[target] = rule;
    LACUNA_ASSIGN_OR_RETURN(const std::string body, Visit(*to, target));
    LACUNA_RETURN_IF_ERROR(Set(rule, body));
    return rule;
  }

  Result<std::string> AnyOf(const Ordered& list, const std::string& path) {
    if (!list.is_array() || list.empty()) return Expected(path, "a list of one schema or more");
    std::string body;
    for (size_t i = 0; i < list.size(); ++i) {
      LACUNA_ASSIGN_OR_RETURN(const std::string rule, Visit(list[i], path + "/" + std::to_string(i)));
      body += (body.empty() ? "" : " | ") + rule;
    }
    return RuleOf(path, body);
  }

  // One of the values that are of the schema's type, as JSON without spaces.
  Result<std::string> Literal(const Ordered& schema, const Ordered& values, const std::string& path) {
    std::vector<std::string> types;
    if (schema.contains("type")) {
      const Ordered list = schema["type"].is_array() ? schema["type"] : Ordered::array({schema["type"]});
      for (const Ordered& type : list) {
        if (!type.is_string()) return Expected(path + "/type", "the name of a type, or a list of them");
        types.push_back(type.get<std::string>());
      }
    }
    std::string body;
    for (const Ordered& value : values) {
      const bool fits = types.empty() || std::any_of(types.begin(), types.end(),
                                                     [&](const std::string& type) { return HasType(value, type); });
      if (fits) body += (body.empty() ? "" : " | ") + GbnfLiteral(value.dump());
    }
    if (body.empty()) return Error(path, "has no value of its own type");
    return RuleOf(path, body);
  }

  // A count from 0 to 10,000, or nothing.
  Result<std::optional<int>> Count(const Ordered& schema, const char* key, const std::string& path) const {
    if (!schema.contains(key)) return std::optional<int>();
    const Ordered& value = schema[key];
    if (!value.is_number_unsigned() || value.get<uint64_t>() > 10'000) return Expected(path + "/" + key, "0 to 10000");
    return std::optional<int>(value.get<int>());
  }

  Result<std::string> String(const Ordered& schema, const std::string& path) {
    LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"type", "minLength", "maxLength", "format", "pattern"}));
    LACUNA_ASSIGN_OR_RETURN(const auto min, Count(schema, "minLength", path));
    LACUNA_ASSIGN_OR_RETURN(const auto max, Count(schema, "maxLength", path));
    const bool formatted = schema.contains("format"), patterned = schema.contains("pattern");
    if (formatted + patterned + (min || max) > 1)
      return Error(path, "has more than one of format, pattern and length: one of them is supported");
    if (patterned) {
      if (!schema["pattern"].is_string()) return Expected(path + "/pattern", "a regular expression");
      const auto pattern = PatternToGbnf(schema["pattern"].get<std::string>());
      if (!pattern.ok()) return Error(path + "/pattern", pattern.status().message());
      LACUNA_RETURN_IF_ERROR(Rule("char").status());
      return RuleOf(path, *pattern);
    }
    if (formatted) {
      const Ordered& format = schema["format"];
      for (const char* known : {"date", "time", "date-time", "uuid"}) {
        if (format == known) return Rule(std::string("format-") + known);
      }
      return Expected(path + "/format", "date, time, date-time or uuid");
    }
    if (!min && !max) return Rule("string");
    if (max && *max < min.value_or(0)) return Error(path, "has minLength above maxLength");
    LACUNA_RETURN_IF_ERROR(Rule("char").status());
    return RuleOf(path, "\"\\\"\" char{" + std::to_string(min.value_or(0)) + "," + (max ? std::to_string(*max) : "") +
                            "} \"\\\"\"");
  }

  Result<std::string> Integer(const Ordered& schema, const std::string& path) {
    LACUNA_RETURN_IF_ERROR(
        OnlyKnown(schema, path, {"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}));
    std::optional<int64_t> min, max;
    const auto limit = [&](const char* key, int sign, int64_t shift, std::optional<int64_t>& to) -> Status {
      if (!schema.contains(key)) return {};
      const Ordered& value = schema[key];
      if (!value.is_number() || !(std::abs(value.get<double>()) <= kLastInteger)) {
        return Expected(path + "/" + key, "a number within +-(2^53 - 1)");
      }
      const double x = value.get<double>();
      // The first integer that fits: upwards for a minimum, downwards for a maximum.
      const bool whole = x == std::floor(x);
      const int64_t n = static_cast<int64_t>(sign > 0 ? std::ceil(x) : std::floor(x)) + (whole ? shift : 0);
      to = !to ? n : sign > 0 ? std::max(*to, n) : std::min(*to, n);
      return {};
    };
    LACUNA_RETURN_IF_ERROR(limit("minimum", 1, 0, min));
    LACUNA_RETURN_IF_ERROR(limit("exclusiveMinimum", 1, 1, min));
    LACUNA_RETURN_IF_ERROR(limit("maximum", -1, 0, max));
    LACUNA_RETURN_IF_ERROR(limit("exclusiveMaximum", -1, -1, max));
    if (!min && !max) return Rule("integer");
    const std::string body = IntegerRange(min, max);
    if (body.empty()) return Error(path, "has no integer between its limits");
    return RuleOf(path, body);
  }

  Result<std::string> Number(const Ordered& schema, const std::string& path) {
    LACUNA_RETURN_IF_ERROR(
        OnlyKnown(schema, path, {"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}));
    std::optional<NumberLimit> min, max;
    const auto limit = [&](const char* key, bool lower, bool open, std::optional<NumberLimit>& to) -> Status {
      if (!schema.contains(key)) return {};
      const Ordered& value = schema[key];
      if (!value.is_number() || !IsNumberLimit(value.get<double>())) {
        return Expected(path + "/" + key, "a number within +-(2^53 - 1), of at most 15 digits after the point");
      }
      const double x = value.get<double>();
      const bool tighter = !to || (lower ? x > to->value : x < to->value);
      if (tighter || (x == to->value && open)) to = NumberLimit{x, open};
      return {};
    };
    LACUNA_RETURN_IF_ERROR(limit("minimum", true, false, min));
    LACUNA_RETURN_IF_ERROR(limit("exclusiveMinimum", true, true, min));
    LACUNA_RETURN_IF_ERROR(limit("maximum", false, false, max));
    LACUNA_RETURN_IF_ERROR(limit("exclusiveMaximum", false, true, max));
    if (!min && !max) return Rule("number");
    const std::string body = NumberRange(min, max);
    if (body.empty()) return Error(path, "has no number between its limits");
    return RuleOf(path, body);
  }

  Result<std::string> Array(const Ordered& schema, const std::string& path) {
    LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"type", "items", "prefixItems", "minItems", "maxItems"}));
    LACUNA_ASSIGN_OR_RETURN(const auto min_items, Count(schema, "minItems", path));
    LACUNA_ASSIGN_OR_RETURN(const auto max_items, Count(schema, "maxItems", path));
    std::vector<std::string> first;
    if (schema.contains("prefixItems")) {
      const Ordered& list = schema["prefixItems"];
      if (!list.is_array()) return Expected(path + "/prefixItems", "a list of schemas");
      for (size_t i = 0; i < list.size(); ++i) {
        LACUNA_ASSIGN_OR_RETURN(first.emplace_back(), Visit(list[i], path + "/prefixItems/" + std::to_string(i)));
      }
    }
    const bool more = !(schema.contains("items") && schema["items"] == false);
    std::string item;
    if (more) {
      LACUNA_ASSIGN_OR_RETURN(item, schema.contains("items") ? Visit(schema["items"], path + "/items") : Rule("value"));
    }
    // Items of prefixItems that may be left out would each need an end of their own: all of them are written.
    const int fixed = static_cast<int>(first.size());
    const int min = std::max(min_items.value_or(0), fixed);
    const std::optional<int> max = more ? max_items : std::optional(std::min(max_items.value_or(fixed), fixed));
    if (max && *max < min) return Error(path, "has fewer items at most than it must have");
    LACUNA_RETURN_IF_ERROR(Rule("space").status());
    std::string body;
    for (const std::string& f : first) body += (body.empty() ? " space " : " \",\" space ") + f;
    const auto bounds = [&](int taken) {
      return "{" + std::to_string(std::max(0, min - taken)) + "," + (max ? std::to_string(*max - taken) : "") + "}";
    };
    if (more && fixed > 0) body += " (\",\" space " + item + ")" + bounds(fixed);
    if (more && fixed == 0 && !(max && *max == 0)) {
      body = " space " + item + " (\",\" space " + item + ")" + bounds(1);
      if (min == 0) body = " (" + body + " )?";
    }
    return RuleOf(path, "\"[\"" + body + " space \"]\"");
  }

  Result<std::string> Object(const Ordered& schema, const std::string& path) {
    LACUNA_RETURN_IF_ERROR(OnlyKnown(schema, path, {"type", "properties", "required", "additionalProperties"}));
    const Ordered none = Ordered::object();
    const Ordered& properties = schema.contains("properties") ? schema["properties"] : none;
    if (!properties.is_object()) return Expected(path + "/properties", "an object of schemas");
    std::set<std::string> required;
    if (schema.contains("required")) {
      if (!schema["required"].is_array()) return Expected(path + "/required", "a list of names");
      for (const Ordered& name : schema["required"]) {
        if (!name.is_string()) return Expected(path + "/required", "a list of names");
        if (!properties.contains(name.get<std::string>())) {
          return Error(path + "/required",
                       "names '" + name.get<std::string>().substr(0, 60) + "', which is not among the properties");
        }
        required.insert(name.get<std::string>());
      }
    }
    LACUNA_RETURN_IF_ERROR(Rule("space").status());
    std::vector<std::string> names;
    for (const auto& [key, value] : properties.items()) names.push_back(key);
    std::string extra;  // a rule for one more property
    const bool open = schema.contains("additionalProperties") ? schema["additionalProperties"] != false : names.empty();
    if (open) {
      const bool any = !schema.contains("additionalProperties") || schema["additionalProperties"] == true;
      LACUNA_ASSIGN_OR_RETURN(
          const std::string value,
          any ? Rule("value") : Visit(schema["additionalProperties"], path + "/additionalProperties"));
      LACUNA_ASSIGN_OR_RETURN(const std::string key, OtherKeys(names, path));
      LACUNA_ASSIGN_OR_RETURN(extra, NewRule(path + "/more"));
      LACUNA_RETURN_IF_ERROR(Set(extra, key + " \":\" space " + value));
    }
    // After i properties, with something written or not: rules from the last one back.
    std::string after = extra.empty() ? "\"\"" : "(\",\" space " + extra + ")*";
    std::string begin = extra.empty() ? "\"\"" : "(space " + extra + " " + after + ")?";
    for (size_t i = names.size(); i-- > 0;) {
      const std::string property_path = path + "/properties/" + Escaped(names[i]);
      LACUNA_ASSIGN_OR_RETURN(const std::string value, Visit(properties[names[i]], property_path));
      const std::string pair = GbnfLiteral(Ordered(names[i]).dump()) + " \":\" space " + value;
      const bool must = required.count(names[i]) > 0;
      LACUNA_ASSIGN_OR_RETURN(const std::string next_after, NewRule(property_path));
      LACUNA_ASSIGN_OR_RETURN(const std::string next_begin, NewRule(property_path));
      LACUNA_RETURN_IF_ERROR(Set(next_begin, "space " + pair + " " + after + (must ? "" : " | " + begin)));
      LACUNA_RETURN_IF_ERROR(Set(next_after, "\",\" space " + pair + " " + after + (must ? "" : " | " + after)));
      after = next_after;
      begin = next_begin;
    }
    return RuleOf(path, "\"{\" " + begin + " space \"}\"");
  }

  // A key that is none of `names`: a trie of them, left wherever the key differs. Escapes could spell a name in another
  // way, so these keys have none.
  Result<std::string> OtherKeys(const std::vector<std::string>& names, const std::string& path) {
    if (names.empty()) return Rule("string");
    LACUNA_RETURN_IF_ERROR(Rule("plain").status());
    std::set<std::string> sorted(names.begin(), names.end());
    LACUNA_ASSIGN_OR_RETURN(const std::string rest, OtherThan({sorted.begin(), sorted.end()}, 0, path));
    return RuleOf(path + "/key", "\"\\\"\" " + rest + " \"\\\"\"");
  }

  // `names` are equal in their first `at` bytes; sorted.
  Result<std::string> OtherThan(const std::vector<std::string>& names, size_t at, const std::string& path) {
    if (at > 60) return Error(path, "has properties with longer names than 60 bytes beside additionalProperties");
    std::map<std::string, std::vector<std::string>> by_char;
    bool ends = false;
    for (const std::string& name : names) {
      if (name.size() == at) {
        ends = true;
        continue;
      }
      size_t n = 1;
      while (at + n < name.size() && (name[at + n] & 0xC0) == 0x80) ++n;
      by_char[name.substr(at, n)].push_back(name);
    }
    std::string body, all;
    for (const auto& [c, rest] : by_char) {
      all += ClassChar(c);
      LACUNA_ASSIGN_OR_RETURN(const std::string next, OtherThan(rest, at + c.size(), path));
      body += GbnfLiteral(c) + " " + next + " | ";
    }
    body += "[^\\\"\\\\\\x7F\\x00-\\x1F" + all + "] plain*";
    if (!ends) body += " | \"\"";
    return RuleOf(path + "/key", body);
  }

  static std::string ClassChar(const std::string& c) {
    const bool special = c == "\\" || c == "]" || c == "[" || c == "-" || c == "^" || c == "\"";
    if (static_cast<unsigned char>(c[0]) < 0x20 || c[0] == 0x7F) return "";  // left out already
    return (special ? "\\" : "") + c;
  }

  const Ordered& root_;
  const std::string& name_;
  std::map<std::string, std::string> rules_;
  std::map<std::string, std::string> references_;
  int count_ = 0, depth_ = 0;
  size_t bytes_ = 0;
};

}  // namespace

Result<std::string> JsonSchemaToGbnf(std::string_view schema, const std::string& name) {
  // The strict reader checks; the second one keeps the order of properties.
  LACUNA_RETURN_IF_ERROR(ParseJson(schema, name, {.max_depth = 64, .max_bytes = kMaxBytes}).status());
  const Ordered json = Ordered::parse(schema.begin(), schema.end(), nullptr, false);
  if (json.is_discarded()) return InvalidInput(name + ": the schema is no JSON");
  return Writer(json, name).Write();
}

}  // namespace lacuna
