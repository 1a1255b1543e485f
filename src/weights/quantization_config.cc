#include "weights/quantization_config.h"

#include "base/status_macros.h"
#include "lacuna/version.h"

namespace lacuna {
namespace {

constexpr const char* kOfCodec[] = {"codec", "group", "scales", "activations", "activation_group", "pattern"};

const char* ScalesName(const Codec& codec) { return codec.scales_e4m3() ? "e4m3" : codec.scales_f16 ? "f16" : "f32"; }

nlohmann::ordered_json CodecJson(const Codec& codec) {
  nlohmann::ordered_json out = {{"codec", CodecName(codec)}};
  if (codec.scaled()) {
    out["group"] = codec.group;
    out["scales"] = ScalesName(codec);
    out["activations"] = codec.activations == Activations::kInt8 ? "int8" : "bf16";
    if (codec.activations == Activations::kInt8) out["activation_group"] = codec.activation_group;
  }
  if (codec.pattern_m > 0) out["pattern"] = {codec.pattern_n, codec.pattern_m};
  return out;
}

Result<Codec> ParseCodecFields(const JsonReader& reader, const std::string& where) {
  LACUNA_ASSIGN_OR_RETURN(const std::string name, reader.String("codec"));
  Result<Codec> parsed = ParseCodec(name);
  if (!parsed.ok()) return reader.WrongValue("codec", parsed.status().message());
  Codec codec = *parsed;
  if (codec == Codec::kF32) return reader.WrongValue("codec", "f32 weights are not packed");
  LACUNA_ASSIGN_OR_RETURN(const std::string activations,
                          reader.StringOr("activations", codec.activations == Activations::kInt8 ? "int8" : "bf16"));
  if (activations != "int8" && activations != "bf16")
    return reader.WrongValue("activations", "it must be int8 or bf16");
  codec.activations = activations == "int8" ? Activations::kInt8 : Activations::kBf16;
  if (codec.activations == Activations::kBf16) codec.activation_group = 0;
  LACUNA_ASSIGN_OR_RETURN(const int64_t group, reader.IntOr("group", codec.group, 0, 1 << 20));
  if (codec.scaled()) SetGroup(static_cast<int>(group), &codec);
  LACUNA_ASSIGN_OR_RETURN(const int64_t activation_group,
                          reader.IntOr("activation_group", codec.activation_group, 0, 1 << 20));
  codec.activation_group = static_cast<int>(activation_group);
  LACUNA_ASSIGN_OR_RETURN(const std::string scales, reader.StringOr("scales", ScalesName(codec)));
  const bool known = codec.scales_e4m3() ? scales == "e4m3" : scales == "f16" || scales == "f32";
  if (!known) return reader.WrongValue("scales", codec.scales_e4m3() ? "it must be e4m3" : "it must be f16 or f32");
  codec.scales_f16 = scales == "f16";
  LACUNA_ASSIGN_OR_RETURN(const auto pattern, reader.OptionalInts("pattern", 1, 16));
  if (pattern) {
    if (pattern->size() != 2) return reader.WrongValue("pattern", "it must be two numbers, [2, 4]");
    codec.pattern_n = static_cast<int>((*pattern)[0]);
    codec.pattern_m = static_cast<int>((*pattern)[1]);
  }
  LACUNA_RETURN_IF_ERROR(ValidateCodec(codec, where));
  return codec;
}

Status OnlyKnown(const JsonReader& reader, const Json& object, bool top) {
  for (const auto& [key, value] : object.items()) {
    bool known =
        top && (key == "quant_method" || key == "layout_version" || key == "contract_version" || key == "parameters");
    for (const char* field : kOfCodec) known = known || key == field;
    if (!known) return reader.Error(key, "is not known to this version of lacuna");
  }
  return {};
}

// Both versions must be the ones that this build reads.
Status CheckVersion(const JsonReader& reader, const char* key, int64_t ours, const char* what) {
  LACUNA_ASSIGN_OR_RETURN(const int64_t version, reader.Int(key, 0, 1 << 20));
  if (version == ours) return {};
  return reader.Error(key, "is " + std::to_string(version) + ", and this lacuna reads " + what + " " +
                               std::to_string(ours) +
                               ": pack the source model again with it, or use the one that packed it");
}

}  // namespace

nlohmann::ordered_json ToJson(const QuantizationConfig& config) {
  nlohmann::ordered_json out = {{"quant_method", "lacuna"},
                                {"layout_version", kPackedLayoutVersion},
                                {"contract_version", kNumericContractVersion}};
  out.update(CodecJson(config.codec));
  if (!config.parameters.empty()) {
    nlohmann::ordered_json parameters = nlohmann::ordered_json::object();
    for (const auto& [name, codec] : config.parameters) parameters[name] = CodecJson(codec);
    out["parameters"] = std::move(parameters);
  }
  return out;
}

Result<QuantizationConfig> ParseQuantization(const std::string& file, const Json& object) {
  const std::string where = file + ": quantization_config";
  LACUNA_ASSIGN_OR_RETURN(const JsonReader reader, JsonReader::Create(where, object));
  LACUNA_RETURN_IF_ERROR(CheckVersion(reader, "layout_version", kPackedLayoutVersion, "layout"));
  LACUNA_RETURN_IF_ERROR(CheckVersion(reader, "contract_version", kNumericContractVersion, "numeric contract"));
  LACUNA_RETURN_IF_ERROR(OnlyKnown(reader, object, true));
  QuantizationConfig config;
  LACUNA_ASSIGN_OR_RETURN(config.codec, ParseCodecFields(reader, where));
  const Json* parameters = reader.Find("parameters");
  if (parameters == nullptr) return config;
  if (!parameters->is_object())
    return reader.WrongValue("parameters", "it must be an object of names and their codecs");
  for (const auto& [name, value] : parameters->items()) {
    const std::string place = where + ".parameters." + name;
    LACUNA_ASSIGN_OR_RETURN(const JsonReader one, JsonReader::Create(place, value));
    LACUNA_RETURN_IF_ERROR(OnlyKnown(one, value, false));
    LACUNA_ASSIGN_OR_RETURN(const Codec codec, ParseCodecFields(one, place));
    config.parameters.emplace(name, codec);
  }
  return config;
}

}  // namespace lacuna
