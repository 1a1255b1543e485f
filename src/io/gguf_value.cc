// Typed access to GGUF metadata.
#include <cstdio>
#include <cstring>

#include "base/status_macros.h"
#include "io/gguf.h"
#include "io/json.h"

namespace lacuna {
namespace {

template <typename T>
T At(const GgufValue& value, uint64_t i) {
  T out;
  std::memcpy(&out, value.bytes.data() + i * sizeof(T), sizeof(T));
  return out;
}

std::string NumberText(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

std::string ValueText(const GgufValue& value, uint64_t i = 0) {
  if (value.array() && i == 0 && value.count != 1) return "an array of " + std::to_string(value.count);
  if (const auto text = value.String(i)) return JsonQuote(text->substr(0, 80));
  if (const auto flag = value.Bool(i)) return *flag ? "true" : "false";
  if (const auto number = value.Int(i)) return std::to_string(*number);
  if (const auto number = value.Number(i)) return NumberText(*number);
  return "nothing that fits";
}

}  // namespace

std::optional<int64_t> GgufValue::Int(uint64_t i) const {
  switch (element) {
    case GgufType::kU8:
      return At<uint8_t>(*this, i);
    case GgufType::kI8:
      return At<int8_t>(*this, i);
    case GgufType::kU16:
      return At<uint16_t>(*this, i);
    case GgufType::kI16:
      return At<int16_t>(*this, i);
    case GgufType::kU32:
      return At<uint32_t>(*this, i);
    case GgufType::kI32:
      return At<int32_t>(*this, i);
    case GgufType::kI64:
      return At<int64_t>(*this, i);
    case GgufType::kU64: {
      const auto value = At<uint64_t>(*this, i);
      return value > INT64_MAX ? std::nullopt : std::optional<int64_t>(static_cast<int64_t>(value));
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> GgufValue::Number(uint64_t i) const {
  if (element == GgufType::kF32) return At<float>(*this, i);
  if (element == GgufType::kF64) return At<double>(*this, i);
  const auto integer = Int(i);
  return integer ? std::optional<double>(static_cast<double>(*integer)) : std::nullopt;
}

std::optional<bool> GgufValue::Bool(uint64_t i) const {
  return element == GgufType::kBool ? std::optional<bool>(At<uint8_t>(*this, i) != 0) : std::nullopt;
}

std::optional<std::string_view> GgufValue::String(uint64_t i) const {
  return element == GgufType::kString ? std::optional<std::string_view>(text[i]) : std::nullopt;
}

const GgufValue* GgufReader::Find(std::string_view key) const {
  const auto it = metadata_->find(key);
  return it == metadata_->end() ? nullptr : &it->second;
}

Status GgufReader::Error(std::string_view key, const std::string& message) const {
  return InvalidInput(file_ + ": `" + std::string(key) + "` " + message);
}

Result<std::optional<int64_t>> GgufReader::Int(std::string_view key, int64_t min, int64_t max) const {
  const GgufValue* value = Find(key);
  if (!value) return std::optional<int64_t>();
  const auto number = value->array() ? std::nullopt : value->Int();
  if (!number || *number < min || *number > max)
    return Error(key, "is " + ValueText(*value) + "; it must be a whole number from " + std::to_string(min) + " to " +
                          std::to_string(max));
  return number;
}

Result<std::optional<double>> GgufReader::Number(std::string_view key, double min, double max) const {
  const GgufValue* value = Find(key);
  if (!value) return std::optional<double>();
  const auto number = value->array() ? std::nullopt : value->Number();
  if (!number || !(*number >= min && *number <= max))
    return Error(
        key, "is " + ValueText(*value) + "; it must be a number from " + NumberText(min) + " to " + NumberText(max));
  return number;
}

Result<std::optional<bool>> GgufReader::Bool(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (!value) return std::optional<bool>();
  const auto flag = value->array() ? std::nullopt : value->Bool();
  if (!flag) return Error(key, "is " + ValueText(*value) + "; it must be true or false");
  return flag;
}

Result<std::optional<std::string>> GgufReader::String(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (!value) return std::optional<std::string>();
  const auto text = value->array() ? std::nullopt : value->String();
  if (!text || !IsValidUtf8(*text)) return Error(key, "is " + ValueText(*value) + "; it must be a string in UTF-8");
  return std::optional<std::string>(*text);
}

Result<const GgufValue*> GgufReader::Strings(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value && (!value->array() || value->element != GgufType::kString))
    return Error(key, "is " + ValueText(*value) + "; it must be an array of strings");
  return value;
}

Result<const GgufValue*> GgufReader::Numbers(std::string_view key) const {
  const GgufValue* value = Find(key);
  if (value && (!value->array() || value->element == GgufType::kString || value->element == GgufType::kBool))
    return Error(key, "is " + ValueText(*value) + "; it must be an array of numbers");
  return value;
}

Result<std::optional<int64_t>> GgufReader::IntForAllLayers(std::string_view key, int64_t min, int64_t max) const {
  const GgufValue* value = Find(key);
  if (!value || !value->array()) return Int(key, min, max);
  for (uint64_t i = 0; i < value->count; ++i) {
    const auto number = value->Int(i);
    if (!number || *number < min || *number > max)
      return Error(key, "has " + ValueText(*value, i) + " for layer " + std::to_string(i) +
                            "; it must be a whole number from " + std::to_string(min) + " to " + std::to_string(max));
    if (*number != value->Int(0)) return Error(key, "differs between layers, which is not supported");
  }
  if (value->count == 0) return Error(key, "is an empty array");
  return value->Int(0);
}

}  // namespace lacuna
