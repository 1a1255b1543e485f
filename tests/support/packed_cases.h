// The codecs, shapes and activations that every kernel of packed weights is tested on, and its input in every layout.
#pragma once

#include <string>
#include <vector>

#include "backend/cpu/catalog.h"
#include "tests/support/data.h"
#include "weights/packed_weight.h"
#include "weights/random_packed.h"

namespace lacuna::testing {

struct CodecCase {
  std::string name;  // "bitmap-int4 g32 a128 0.3 skew"
  Codec codec;
  RandomSpec spec;
};
// Every codec with its groups, activation types, densities 0, 1/64, 0.3, 0.5, 0.7, 1, skewed, and patterns.
std::vector<CodecCase> CodecCases();

// [m][k]: rows of different sizes, row 1 zero in a stretch of K, row 2 nearly nothing.
std::vector<float> PackedActivations(int m, int k, Random& random);

// An input that the kernel can be run on: the rows rounded and laid out by the reference.
struct PackedInput {
  PackedInput(const std::vector<float>& x, int m, const PackedWeight& weight, kernels::LinearInput layout,
              int block_rows);
  void Set(kernels::LinearPackedArgs* args) const;

  int m, x_rows, k_padded, activation_group;
  AlignedBuffer q;  // or bf16
  std::vector<float> scales;
  std::vector<int32_t> sums;
};

}  // namespace lacuna::testing
