#include "tests/support/packed_cases.h"

#include <cmath>

#include "kernels/ref/ref.h"

namespace lacuna::testing {
namespace {

using kernels::LinearInput;

void Add(const Codec& codec, const RandomSpec& spec, std::vector<CodecCase>* out) {
  std::string name = CodecName(codec) + " g" + std::to_string(codec.group) + (codec.scales_f16 ? " f16" : "");
  name += codec.activations == Activations::kInt8 ? " a" + std::to_string(codec.activation_group) : " bf16";
  if (codec.pattern_m > 0) name += " " + std::to_string(codec.pattern_n) + ":" + std::to_string(codec.pattern_m);
  if (codec.bitmap) name += " " + std::to_string(spec.density) + (spec.skew ? " skew" : "");
  out->push_back({name, codec, spec});
}

}  // namespace

std::vector<CodecCase> CodecCases() {
  std::vector<CodecCase> out;
  uint64_t seed = 1;
  for (const char* name : {"int8", "int4", "int4z", "codebook", "nf4", "fp4", "mxfp4", "nvfp4", "razer", "bf16"}) {
    for (bool bitmap : {false, true}) {
      Codec codec = *ParseCodec((bitmap ? std::string("bitmap-") : std::string()) + name);
      if (codec == Codec::kBf16) continue;  // has kernels of its own
      const auto add = [&](Codec c, double density, bool skew) {
        Add(c, {.density = density, .skew = skew, .seed = seed++}, &out);
      };
      const auto gaps = [&](const Codec& c) {
        for (double density : {0.0, 1.0 / 64, 0.3, 0.5, 0.7, 1.0}) add(c, density, false);
        add(c, 0.5, true);
        for (const auto& [n, m] : {std::pair{2, 4}, {1, 4}, {5, 8}, {8, 16}}) {
          Codec pattern = c;
          pattern.pattern_n = n;
          pattern.pattern_m = m;
          add(pattern, 1, false);
        }
      };
      if (bitmap) gaps(codec);
      if (!codec.scaled()) continue;
      const Codec plain = codec;
      const bool fixed = codec.values == ValueKind::kMxfp4 || codec.values == ValueKind::kNvfp4;
      for (int group : {0, 16, 32, 64, 128, 256}) {
        if (fixed ? group != plain.group : group == 16) continue;
        Codec grouped = plain;
        SetGroup(group, &grouped);
        add(grouped, 0.5, false);
        if (group == 0 || group == 128) {
          Codec other_scales = grouped;
          other_scales.scales_f16 = !grouped.scales_f16;
          add(other_scales, 0.5, false);
        }
        if (grouped.activations != Activations::kInt8) continue;
        for (int activation_group : {0, 32, 512}) {
          grouped.activation_group = activation_group;
          if (group != 64) add(grouped, 0.5, false);
        }
        // bf16 activations of the same weight.
        grouped.activations = Activations::kBf16;
        grouped.activation_group = 0;
        add(grouped, 0.5, false);
        if ((group == 128 || fixed) && bitmap) gaps(grouped);
      }
    }
  }
  return out;
}

std::vector<float> PackedActivations(int m, int k, Random& random) {
  std::vector<float> x(static_cast<std::size_t>(m) * k);
  for (int row = 0; row < m; ++row) {
    const float size = std::ldexp(1.0f, row == 2 ? -90 : IntIn(random, -6, 6));
    for (int j = 0; j < k; ++j) {
      x[row * k + j] = UniformIn(random, -size, size);
      if (row == 1 && j >= 128 && j < 300) x[row * k + j] = 0;
    }
  }
  return x;
}

PackedInput::PackedInput(const std::vector<float>& x, int m, const PackedWeight& weight, LinearInput layout,
                         int block_rows)
    : m(m), x_rows(m), k_padded(weight.k_padded), activation_group(weight.activation_group()) {
  if (layout == LinearInput::kInt8Tiles && m > 16) x_rows = (m + 15) / 16 * 16;
  q = *AlignedBuffer::Create(static_cast<std::size_t>(x_rows) * k_padded * 4, "test input");
  if (weight.codec.activations == Activations::kBf16) {
    kernels::RefInputRows({.x = x.data(),
                           .x_stride = weight.k,
                           .to = q.data(),
                           .m = m,
                           .k = weight.k,
                           .k_padded = k_padded,
                           .k_begin = 0,
                           .k_end = k_padded,
                           .block_rows = 1});
    return;
  }
  const int groups = (k_padded + activation_group - 1) / activation_group;
  scales.assign(static_cast<std::size_t>(groups) * x_rows, -1.0f);
  sums.assign(static_cast<std::size_t>(k_padded / 32 + 1) * x_rows, -1);
  const auto pack = layout == LinearInput::kInt8Rows   ? kernels::RefInputInt8Rows
                    : layout == LinearInput::kInt8Wide ? kernels::RefInputInt8Wide
                                                       : kernels::RefInputInt8Tiles;
  pack({.x = x.data(),
        .x_stride = weight.k,
        .to = reinterpret_cast<int8_t*>(q.data()),
        .scales = scales.data(),
        .sums = sums.data(),
        .m = m,
        .x_rows = x_rows,
        .k = weight.k,
        .k_padded = k_padded,
        .activation_group = activation_group,
        .block_rows = block_rows,
        .row_begin = 0,
        .row_end = m});
}

void PackedInput::Set(kernels::LinearPackedArgs* args) const {
  args->x = q.data();
  args->x_stride = k_padded;
  args->x_scales = scales.empty() ? nullptr : scales.data();
  args->x_sums = sums.empty() ? nullptr : sums.data();
  args->x_rows = x_rows;
  args->activation_group = activation_group;
  args->m = m;
}

}  // namespace lacuna::testing
