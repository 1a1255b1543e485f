// Every int8 input of the catalogue against the reference's for its layout, every byte: values, scales and running
// sums.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/cpu/catalog.h"
#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/guard.h"
#include "tests/support/packed_cases.h"
#include "tests/support/same_bits.h"

namespace lacuna {
namespace {

using namespace testing;
using kernels::LinearInput;
using kernels::LinearInt8InputArgs;

struct Layout {
  std::vector<int8_t> q;
  std::vector<float> scales;
  std::vector<int32_t> sums;
};

struct Shape {
  int m, k, group;  // group 0: the row
};

// Calls with a third of the rows each, as threads would.
Layout Pack(void (*pack)(const LinearInt8InputArgs&), LinearInput layout, int block_rows, const Shape& shape,
            const std::vector<float>& x) {
  const int k_padded = (shape.k + 63) / 64 * 64, group = shape.group == 0 ? k_padded : shape.group;
  const int rows = layout == LinearInput::kInt8Tiles && shape.m > 16 ? (shape.m + 15) / 16 * 16 : shape.m;
  const int groups = (k_padded + group - 1) / group;
  Guarded<float> x_guard(x.size()), scales_guard(static_cast<std::size_t>(groups) * rows);
  Guarded<int32_t> sums_guard(static_cast<std::size_t>(k_padded / 32 + 1) * rows);
  Guarded<int8_t> q_guard(static_cast<std::size_t>(rows) * k_padded);
  const auto from = x_guard.Copy(x, GuardSide::kAfter);
  const auto q = q_guard.Place(static_cast<std::size_t>(rows) * k_padded, GuardSide::kAfter);
  const auto scales = scales_guard.Place(static_cast<std::size_t>(groups) * rows, GuardSide::kAfter);
  const auto sums = sums_guard.Place(static_cast<std::size_t>(k_padded / 32 + 1) * rows, GuardSide::kAfter);
  std::memset(q.data(), 0x55, q.size());
  std::fill(scales.begin(), scales.end(), -3.0f);
  std::fill(sums.begin(), sums.end(), 77777);
  for (int part = 2; part >= 0; --part) {
    const int begin = shape.m * part / 3 / block_rows * block_rows;
    const int end = part == 2 ? shape.m : shape.m * (part + 1) / 3 / block_rows * block_rows;
    if (begin == end) continue;
    pack({.x = from.data(),
          .x_stride = shape.k,
          .to = q.data(),
          .scales = scales.data(),
          .sums = sums.data(),
          .m = shape.m,
          .x_rows = rows,
          .k = shape.k,
          .k_padded = k_padded,
          .activation_group = group,
          .block_rows = block_rows,
          .row_begin = begin,
          .row_end = end});
  }
  return {{q.begin(), q.end()}, {scales.begin(), scales.end()}, {sums.begin(), sums.end()}};
}

TEST(InputInt8, EqualsTheReference) {
  FpScope fp;
  const uint64_t seed = TestSeed(61);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  std::vector<void (*)(const LinearInt8InputArgs&)> seen;
  for (const LinearPackedKernel& kernel : LinearPackedKernels()) {
    if (!kernel.kind.int8 || !HasTier(ReadCpuFeatures(), kernel.tier)) continue;
    if (std::find(seen.begin(), seen.end(), kernel.pack_int8) != seen.end()) continue;
    seen.push_back(kernel.pack_int8);
    const auto ref = kernel.input == LinearInput::kInt8Rows   ? kernels::RefInputInt8Rows
                     : kernel.input == LinearInput::kInt8Wide ? kernels::RefInputInt8Wide
                                                              : kernels::RefInputInt8Tiles;
    if (kernel.pack_int8 == ref) continue;
    for (int m : {1, 2, 5, 16, 17, 40}) {
      for (const auto& [k, group] :
           {std::pair{1, 0}, {31, 32}, {64, 32}, {100, 32}, {129, 128}, {515, 128}, {1100, 512}, {1030, 0}}) {
        for (float special : {0.0f, INFINITY, NAN, -1e-38f, 3.3e38f}) {
          SCOPED_TRACE(std::string(kernel.name) + ": m " + std::to_string(m) + " k " + std::to_string(k) + " group " +
                       std::to_string(group) + ", " + std::to_string(special));
          std::vector<float> x = PackedActivations(m, k, random);
          if (special != 0) x[static_cast<std::size_t>(IntIn(random, 0, m * k - 1))] = special;
          // Quotients half way between integers.
          if (k > 40) {
            x[33] = 2;
            x[34] = 2 * 0.5f / 127;
            x[35] = -2 * 1.5f / 127;
          }
          const Shape shape{m, k, group};
          const Layout got = Pack(kernel.pack_int8, kernel.input, kernel.block_rows, shape, x);
          const Layout want = Pack(ref, kernel.input, kernel.block_rows, shape, x);
          ASSERT_EQ(got.q, want.q);
          ASSERT_TRUE(SameBits(got.scales, want.scales));
          ASSERT_EQ(got.sums, want.sums);
        }
      }
    }
  }
  if (HasTier(ReadCpuFeatures(), Tier::kSimd)) {
    EXPECT_GT(seen.size(), 1u);
  }
}

}  // namespace
}  // namespace lacuna
