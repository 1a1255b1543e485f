#include "tools/codec_flags.h"

#include <charconv>

#include "base/status_macros.h"

namespace lacuna::tools {

void CodecFlags::AddTo(CLI::App& app) {
  Add(app, "--codec", codec,
      "int8, int4, int4z (zero points), codebook (fitted), nf4, fp4, mxfp4, nvfp4, razer, bf16; bitmap- before it "
      "stores no zeros. pack "
      "can do without for a GGUF file: Q8_0 becomes int8 and Q4_0 int4, with the same values, others bf16")
      ->type_name("CODEC");
  Add(app, "--group", group,
      "Weights that share a scale: 32, 64, .. 1024; 0: a whole row (default: int8 0, nf4 64, else 128; mxfp4 has 32 "
      "and nvfp4 16)")
      ->type_name("K");
  Add(app, "--activations", activations,
      "int8, or bf16: slower and more accurate (default: int8, but nf4, nvfp4 and bf16 have bf16)")
      ->check(CLI::IsMember({"int8", "bf16"}))
      ->type_name("TYPE");
  Add(app, "--activation-group", activation_group,
      "Activations that share a scale (default: as the weights, at least 128)")
      ->type_name("K");
  Add(app, "--scales", scales, "f16 or f32 (default: f32 for whole rows, else f16; nvfp4 has e4m3)")
      ->check(CLI::IsMember({"f16", "f32"}))
      ->type_name("TYPE");
  Add(app, "--pattern", pattern, "N:M: exactly N of M consecutive weights are stored (bitmap- codecs; M 4, 8 or 16)")
      ->type_name("N:M");
  Add(app, "--keep", keep, "Other codecs for parameters by name, a part between dots: lm_head=int8,down_proj=bf16")
      ->delimiter(',')
      ->type_name("NAME=CODEC");
}

Result<Codec> CodecFlags::WithFlags(const std::string& name) const {
  LACUNA_ASSIGN_OR_RETURN(Codec out, ParseCodec(name));
  if (out == Codec::kF32) return InvalidInput("--codec: f32 weights are not packed");
  if (!activations.empty() && (out.scaled() || activations == "int8")) {
    out.activations = activations == "int8" ? Activations::kInt8 : Activations::kBf16;
    if (activations == "bf16") out.activation_group = 0;
  }
  if (group && out.scaled()) SetGroup(*group, &out);
  if (activation_group && out.activations == Activations::kInt8) out.activation_group = *activation_group;
  if (!scales.empty() && out.scaled()) out.scales_f16 = scales == "f16";
  return out;
}

Status CodecFlags::OnlyKeep() const {
  if (!group && !activation_group && activations.empty() && scales.empty() && pattern.empty()) return {};
  return InvalidInput("--group, --activations, --activation-group, --scales and --pattern need --codec");
}

Result<Codec> CodecFlags::Parse() const {
  LACUNA_ASSIGN_OR_RETURN(Codec out, WithFlags(codec));
  if (!pattern.empty()) {
    const std::size_t colon = pattern.find(':');
    const auto number = [](std::string_view text, int* value) {
      return std::from_chars(text.data(), text.data() + text.size(), *value).ptr == text.data() + text.size() &&
             !text.empty();
    };
    const std::string_view text = pattern;
    if (colon == text.npos || !number(text.substr(0, colon), &out.pattern_n) ||
        !number(text.substr(colon + 1), &out.pattern_m)) {
      return InvalidInput("--pattern: '" + pattern + "' is not N:M, as in 2:4");
    }
  }
  LACUNA_RETURN_IF_ERROR(ValidateCodec(out, "--codec"));
  return out;
}

Result<std::vector<CodecRule>> CodecFlags::Rules() const {
  std::vector<CodecRule> rules;
  for (const std::string& rule : keep) {
    const std::size_t equals = rule.find('=');
    if (equals == 0 || equals == rule.npos) return InvalidInput("--keep: '" + rule + "' is not NAME=CODEC");
    // The group and activations of --codec are not those of another kind of value: it has its own defaults.
    LACUNA_ASSIGN_OR_RETURN(Codec kept, ParseCodec(rule.substr(equals + 1)));
    if (kept == Codec::kF32) return InvalidInput("--keep: f32 weights are not packed");
    if (activations == "bf16" && kept.activations == Activations::kInt8) {
      kept.activations = Activations::kBf16;
      kept.activation_group = 0;
    }
    rules.emplace_back(rule.substr(0, equals), kept);
  }
  return rules;
}

}  // namespace lacuna::tools
