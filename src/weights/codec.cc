#include "weights/codec.h"

#include <algorithm>

namespace lacuna {
namespace {

struct Name {
  const char* name;
  ValueKind values;
};
constexpr Name kNames[] = {
    {"bf16", ValueKind::kBf16},   {"f32", ValueKind::kF32},        {"int8", ValueKind::kInt8},
    {"int4", ValueKind::kInt4},   {"int4z", ValueKind::kInt4Zero}, {"codebook", ValueKind::kCodebook},
    {"nf4", ValueKind::kNf4},     {"fp4", ValueKind::kFp4},        {"mxfp4", ValueKind::kMxfp4},
    {"nvfp4", ValueKind::kNvfp4}, {"razer", ValueKind::kRazer},
};
constexpr std::string_view kBitmap = "bitmap-";

// Powers of two, so that of any two groups and the segment one divides the other.
bool IsGroup(int group) { return group == 0 || (group >= 32 && group <= 1024 && (group & (group - 1)) == 0); }

int DefaultGroup(ValueKind values) {
  switch (values) {
    case ValueKind::kInt8:
      return 0;
    case ValueKind::kNf4:
      return 64;
    case ValueKind::kMxfp4:
      return 32;
    case ValueKind::kNvfp4:
      return 16;
    default:
      return 128;
  }
}
constexpr char kGroups[] = "; it must be 32, 64, 128, 256, 512, 1024, or 0 for the whole row";

}  // namespace

kernels::PackedValues Codec::type() const {
  if (coded()) return kernels::PackedValues::kCode4;
  return values == ValueKind::kInt8 ? kernels::PackedValues::kInt8 : kernels::PackedValues::kBf16;
}

std::string CodecName(const Codec& codec) {
  for (const Name& n : kNames) {
    if (n.values == codec.values) return (codec.bitmap ? std::string(kBitmap) : std::string()) + n.name;
  }
  return "?";
}

void SetGroup(int group, Codec* codec) {
  codec->group = group;
  codec->scales_f16 = group > 0 && !codec->scales_e4m3();
  if (codec->activations == Activations::kInt8) codec->activation_group = group == 0 ? 0 : std::max(group, 128);
}

Result<Codec> ParseCodec(std::string_view name) {
  Codec codec;
  std::string_view rest = name;
  if (rest.substr(0, kBitmap.size()) == kBitmap) {
    codec.bitmap = true;
    rest.remove_prefix(kBitmap.size());
  }
  for (const Name& n : kNames) {
    if (rest != n.name || (codec.bitmap && n.values == ValueKind::kF32)) continue;
    codec.values = n.values;
    if (n.values == ValueKind::kF32) codec.activations = Activations::kF32;
    if (codec.integer()) codec.activations = Activations::kInt8;
    if (codec.scaled()) SetGroup(DefaultGroup(codec.values), &codec);
    return codec;
  }
  std::string all;
  for (const Name& n : kNames) all += std::string(all.empty() ? "" : ", ") + n.name;
  return InvalidInput("unknown codec \"" + std::string(name) + "\"; there are " + all +
                      ", and all but f32 with bitmap- before them");
}

Status ValidateCodec(const Codec& c, const std::string& where) {
  const auto wrong = [&](const std::string& what) { return InvalidInput(where + ": " + CodecName(c) + " " + what); };
  if (c.bitmap && c.values == ValueKind::kF32) return wrong("is not stored as a bitmap");
  if (!c.scaled() && (c.group != 0 || c.scales_f16)) return wrong("has no groups of scales");
  if (c.values == ValueKind::kMxfp4 || c.values == ValueKind::kNvfp4) {
    const int only = DefaultGroup(c.values);
    if (c.group != only) {
      return wrong("has a group of " + std::to_string(c.group) + "; its groups are " + std::to_string(only));
    }
    if (c.scales_e4m3() && c.scales_f16) return wrong("has F16 scales; its scales are E4M3");
  } else if (!IsGroup(c.group)) {
    return wrong("has a group of " + std::to_string(c.group) + kGroups);
  }
  if (!IsGroup(c.activation_group)) {
    return wrong("has an activation group of " + std::to_string(c.activation_group) + kGroups);
  }
  const bool f32 = c.values == ValueKind::kF32;
  if (f32 != (c.activations == Activations::kF32)) return wrong("cannot have these activations");
  if (c.activations == Activations::kInt8) {
    if (!c.integer()) return wrong("is multiplied by bf16 activations only");
  } else if (c.activation_group != 0) {
    return wrong("has an activation group, but its activations are not int8");
  }
  const bool pattern = c.pattern_n != 0 || c.pattern_m != 0;
  if (pattern) {
    if (!c.bitmap) return wrong("has an N:M pattern, which only bitmaps have");
    if ((c.pattern_m != 4 && c.pattern_m != 8 && c.pattern_m != 16) || c.pattern_n < 1 || c.pattern_n >= c.pattern_m) {
      return wrong("has the pattern " + std::to_string(c.pattern_n) + ":" + std::to_string(c.pattern_m) +
                   "; M must be 4, 8 or 16, and N below it");
    }
  }
  return {};
}

}  // namespace lacuna
