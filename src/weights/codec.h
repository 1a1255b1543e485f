// A codec: which weights are stored, and how a value is stored (DESIGN 7). kernels/README.md draws the layouts.
//
//   name        value                                   scale (default group)      activations
//   bf16        bf16                                    -                          bf16
//   f32         f32, for the f32 mode                   -                          f32
//   int8        -127 .. 127, biased by 128              f32 (whole row)            int8 (whole row)
//   int4        -8 .. 7, biased by 8                    f16 (128)                  int8 (as the group, at least 128)
//   int4z       0 .. 15 minus a zero point              f16 (128)                  the same
//   codebook    one of 16 of -127 .. 127, fitted        f16 (128)                  the same
//   nf4         one of 16 bf16, bitsandbytes' NF4       f16 (64)                   bf16
//   fp4         one of E2M1's 15                        f16 (128)                  int8 (as the group, at least 128)
//   mxfp4       the same (OCP MX)                       a power of two (32 always) the same
//   nvfp4       the same times 2^t of the tensor        e4m3 (16 always)           bf16
//   razer       E2M1 with 5 or 8 instead of -0          f16 (128)                  int8 (as the group, at least 128)
//   bitmap-X    only what is not zero of X, and a bit a weight; an N:M pattern makes its counts constant
//
// razer is "RaZeR: Pushing the Limits of NVFP4 Quantization with Redundant Zero Remapping" (arXiv 2501.04052) in a file
// format of our own: there is none that others share. Each group has one of four codebooks, E2M1 with code 8 meaning 5,
// 8, -5 or -8. The scale says which, and nothing else is stored: bit 0 of its F16 or float chooses 5 (0) or 8 (1), and
// its sign the special value's, as -s * (E2M1, 8) is s * (E2M1, -8). The scale that multiplies is the stored number as
// it is, that bit included. The paper's authors say that a patent application was filed for the method: nothing chooses
// razer that was not asked for it by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/packed.h"
#include "lacuna/status.h"

namespace lacuna {

enum class ValueKind : uint8_t { kBf16, kF32, kInt8, kInt4, kInt4Zero, kCodebook, kNf4, kFp4, kMxfp4, kNvfp4, kRazer };
enum class Activations : uint8_t { kBf16, kF32, kInt8 };

struct Codec {
  ValueKind values = ValueKind::kBf16;
  bool bitmap = false;
  bool scales_f16 = false;
  Activations activations = Activations::kBf16;
  int group = 0;             // k that a scale covers, 32, 64, .. 1024; 0: the whole row; of nvfp4 16
  int activation_group = 0;  // of int8 activations, the same
  int pattern_n = 0;         // N:M bitmap: exactly pattern_n of pattern_m consecutive k are stored; 0: any number
  int pattern_m = 0;         // 4, 8 or 16

  static const Codec kBf16, kF32;
  bool operator==(const Codec&) const = default;

  bool scaled() const { return values != ValueKind::kBf16 && values != ValueKind::kF32; }
  bool coded() const { return values >= ValueKind::kInt4; }  // 4 bits
  bool integer() const { return scaled() && values != ValueKind::kNf4 && values != ValueKind::kNvfp4; }
  bool e2m1() const { return values >= ValueKind::kFp4; }
  // Two codebooks, one of which a scale's bit 0 selects.
  bool selects() const { return values == ValueKind::kRazer; }
  bool scales_e4m3() const { return values == ValueKind::kNvfp4; }
  // Multiplied by bf16 activations as code * scale, which is exact in bf16: no groups (DESIGN 6).
  bool product() const {
    return values == ValueKind::kNvfp4 || (values == ValueKind::kMxfp4 && activations == Activations::kBf16);
  }
  int scale_bytes() const { return scales_e4m3() ? 1 : scales_f16 ? 2 : 4; }
  bool zero_points() const { return values == ValueKind::kInt4Zero; }
  int bias() const {
    if (!integer()) return 0;
    return values == ValueKind::kInt4 || values == ValueKind::kInt4Zero ? 8 : 128;
  }
  int bits() const { return coded() ? 4 : values == ValueKind::kInt8 ? 8 : values == ValueKind::kBf16 ? 16 : 32; }
  kernels::PackedValues type() const;  // not of f32
  // Rows after which an N:M pattern's count is constant; 0 without one.
  int constant_rows() const { return pattern_m == 0 ? 0 : pattern_m / (values == ValueKind::kBf16 ? 2 : 4); }
};
inline constexpr Codec Codec::kBf16{};
inline constexpr Codec Codec::kF32{.values = ValueKind::kF32, .activations = Activations::kF32};

// "int8", "bitmap-int4", ..: the name alone, without groups.
std::string CodecName(const Codec& codec);
// A name with its defaults; kInvalidInput lists the names there are.
Result<Codec> ParseCodec(std::string_view name);
// Are its fields a codec that exists? kInvalidInput says what is wrong, as `where`: ...
Status ValidateCodec(const Codec& codec, const std::string& where);

// Sets the weight's group, the type of its scales, and the activation group that goes with it.
void SetGroup(int group, Codec* codec);

}  // namespace lacuna
