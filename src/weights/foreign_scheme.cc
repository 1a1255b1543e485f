#include "weights/foreign_scheme.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"

namespace lacuna {
namespace {

constexpr const char* kMethods[] = {"compressed-tensors", "gptq", "awq"};
constexpr const char* kFormats[] = {"dense",           "pack-quantized",       "int-quantized",
                                    "naive-quantized", "mxfp4-pack-quantized", "nvfp4-pack-quantized",
                                    "mixed-precision"};
constexpr const char* kSparseFormats[] = {"dense", "sparse-bitmask", "sparse-24-bitmask"};

bool IsEmpty(const Json* value) {
  return value == nullptr || value->is_null() || (value->is_structured() && value->empty());
}

template <std::size_t kCount>
Status OneOf(const JsonReader& reader, const char* key, const char* const (&names)[kCount]) {
  LACUNA_ASSIGN_OR_RETURN(const auto value, reader.OptionalString(key));
  if (!value) return {};
  std::string list;
  for (const char* name : names) {
    if (*value == name) return {};
    list += std::string(list.empty() ? "" : ", ") + name;
  }
  return reader.WrongValue(key, "layouts that are read are " + list);
}

// Per-token int8, taken at run time from each row: what int8 layers here do anyway.
Result<bool> IsRoundedByRow(const JsonReader& activations) {
  LACUNA_ASSIGN_OR_RETURN(const int64_t bits, activations.IntOr("num_bits", 8, 1, 64));
  LACUNA_ASSIGN_OR_RETURN(const std::string type, activations.StringOr("type", "int"));
  const auto strategy = activations.HasValue("strategy") ? activations.String("strategy") : std::string("tensor");
  if (!strategy.ok()) return strategy.status();
  LACUNA_ASSIGN_OR_RETURN(const bool symmetric, activations.BoolOr("symmetric", true));
  const Json* dynamic = activations.Find("dynamic");
  return bits == 8 && type == "int" && *strategy == "token" && symmetric && dynamic != nullptr &&
         dynamic->is_boolean() && dynamic->get<bool>();
}

Status CheckGroup(const std::string& where, const Json& object) {
  LACUNA_ASSIGN_OR_RETURN(const JsonReader group, JsonReader::Create(where, object));
  LACUNA_RETURN_IF_ERROR(OneOf(group, "format", kFormats));
  if (!IsEmpty(group.Find("output_activations"))) {
    return group.Error("output_activations", "are quantized, which changes the result and is not supported");
  }
  LACUNA_ASSIGN_OR_RETURN(const auto input, group.OptionalObject("input_activations"));
  if (!input) return {};
  LACUNA_ASSIGN_OR_RETURN(const bool by_row, IsRoundedByRow(*input));
  if (by_row) return {};
  return group.WrongValue(
      "input_activations",
      "this changes the result: only int8 by token, symmetric and dynamic, is what is done here too");
}

Status CheckCompressedTensors(const JsonReader& reader) {
  for (const char* key : {"transform_config", "kv_cache_scheme"}) {
    if (!IsEmpty(reader.Find(key))) {
      return reader.Error(key, "is there, which changes the result and is not supported");
    }
  }
  LACUNA_RETURN_IF_ERROR(OneOf(reader, "format", kFormats));
  LACUNA_ASSIGN_OR_RETURN(const auto sparsity, reader.OptionalObject("sparsity_config"));
  if (sparsity) LACUNA_RETURN_IF_ERROR(OneOf(*sparsity, "format", kSparseFormats));
  const Json* groups = reader.Find("config_groups");
  if (IsEmpty(groups)) return {};
  if (!groups->is_object()) return reader.WrongValue("config_groups", "it must be an object of named groups");
  for (const auto& [name, group] : groups->items()) {
    LACUNA_RETURN_IF_ERROR(CheckGroup(reader.file() + ".config_groups." + name, group));
  }
  return {};
}

// Keys have two names in the wild.
Result<int64_t> IntOf(const JsonReader& reader, const char* key, const char* other, int64_t absent, int64_t least) {
  return reader.IntOr(reader.Has(key) ? key : other, absent, least, 1 << 20);
}

Status ParseGptqOrAwq(const JsonReader& reader, ForeignScheme* scheme) {
  const bool gptq = scheme->method == ForeignScheme::Method::kGptq;
  LACUNA_ASSIGN_OR_RETURN(const int64_t bits, IntOf(reader, "bits", "w_bit", 4, 1));
  if (bits != 4 && !(gptq && bits == 8)) {
    return reader.WrongValue(reader.Has("bits") ? "bits" : "w_bit", gptq ? "4 and 8 bits are read" : "4 bits are read");
  }
  LACUNA_ASSIGN_OR_RETURN(const int64_t group, IntOf(reader, "group_size", "q_group_size", gptq ? -1 : 128, -1));
  scheme->bits = static_cast<int>(bits);
  scheme->group = group <= 0 ? 0 : static_cast<int>(group);
  if (gptq) {
    LACUNA_ASSIGN_OR_RETURN(const std::string format,
                            reader.StringOr(reader.Has("checkpoint_format") ? "checkpoint_format" : "format", "gptq"));
    if (format != "gptq" && format != "gptq_v2") {
      return reader.WrongValue(reader.Has("checkpoint_format") ? "checkpoint_format" : "format",
                               "layouts that are read are gptq and gptq_v2");
    }
    scheme->zeros_less_one = format == "gptq";
  } else {
    LACUNA_ASSIGN_OR_RETURN(std::string version, reader.StringOr("version", "gemm"));
    std::transform(version.begin(), version.end(), version.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
    if (version != "gemm") return reader.WrongValue("version", "the layout that is read is gemm");
  }
  scheme->name += " int" + std::to_string(bits);
  return {};
}

}  // namespace

bool IsForeignMethod(const std::string& quant_method) {
  return std::find(std::begin(kMethods), std::end(kMethods), quant_method) != std::end(kMethods);
}

Result<ForeignScheme> ParseForeignScheme(const std::string& file, const Json& object) {
  LACUNA_ASSIGN_OR_RETURN(const JsonReader reader, JsonReader::Create(file + ": quantization_config", object));
  LACUNA_ASSIGN_OR_RETURN(const std::string method, reader.String("quant_method"));
  ForeignScheme scheme{.name = method};
  if (method == "compressed-tensors") {
    LACUNA_RETURN_IF_ERROR(CheckCompressedTensors(reader));
    return scheme;
  }
  scheme.method = method == "gptq" ? ForeignScheme::Method::kGptq : ForeignScheme::Method::kAwq;
  LACUNA_RETURN_IF_ERROR(ParseGptqOrAwq(reader, &scheme));
  return scheme;
}

}  // namespace lacuna
