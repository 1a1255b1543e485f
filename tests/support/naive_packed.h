// Packed weights and their dots, written a second time: the streams as kernels/README.md draws them, read in order from
// front to back, and the arithmetic from DESIGN 6 alone, one output at a time. The reference is compared with it.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/data.h"
#include "weights/packed_weight.h"

namespace lacuna::testing {

// Row-major [n][k_padded].
struct NaivePacked {
  int n = 0, k = 0, k_padded = 0, k_segment = 0;
  int group = 0, groups = 0;  // group: k_padded where a scale covers the row
  bool scaled = false;
  std::vector<int> u;        // integer codecs: the byte or the codebook's entry, z in gaps
  bool product = false;      // bf16 activations: the weight is value * scale, without groups
  std::vector<float> value;  // before the scale: u - z, the nf4 or nvfp4 entry, or the bf16 weight; 0 in gaps
  std::vector<bool> stored;
  std::vector<float> scale;  // [n][groups]
  std::vector<int> zero;     // [n][groups]
  std::vector<int> book;     // [n][groups]: of razer's two codebooks; else 0
};
NaivePacked Unpack(const PackedWeight& weight);

enum class PackedMutant {
  kNone,
  kReversedGroups,  // descending
  kUnfused,         // product with the scale rounded before it is added
  kOneSegment,
  kScaleApart,   // t * sx rounded, then times sw
  kNoZeroPoint,  // z * sum(x) forgotten
};
inline constexpr PackedMutant kPackedMutants[] = {PackedMutant::kReversedGroups, PackedMutant::kUnfused,
                                                  PackedMutant::kOneSegment, PackedMutant::kScaleApart,
                                                  PackedMutant::kNoZeroPoint};

// y [m][n] of x [m][k] in fp32, over columns [k_begin, k_end) of the padded K (k_end = 0: all). activation_group as in
// a Codec, 0 for the whole row.
std::vector<float> NaiveInt8Linear(const NaivePacked& w, const std::vector<float>& x, int m, int activation_group,
                                   int k_begin = 0, int k_end = 0, PackedMutant mutant = PackedMutant::kNone);
std::vector<float> NaiveBf16Linear(const NaivePacked& w, const std::vector<float>& x, int m, int k_begin = 0,
                                   int k_end = 0);

}  // namespace lacuna::testing
