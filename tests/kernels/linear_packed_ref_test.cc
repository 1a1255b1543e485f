// The reference's kernels of packed weights against the contract written a second time, over every codec; and its int8
// input in every layout.
#include <gtest/gtest.h>

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/guard.h"
#include "tests/support/naive_packed.h"
#include "tests/support/packed_cases.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

void RunRef(const LinearPackedArgs& args, Activations activations) {
  (activations == Activations::kInt8 ? RefLinearPackedInt8 : RefLinearPackedBf16)(args);
}

std::vector<float> Naive(const PackedWeight& weight, const std::vector<float>& x, int m, int k_begin = 0,
                         int k_end = 0) {
  const NaivePacked naive = Unpack(weight);
  return weight.codec.activations == Activations::kInt8
             ? NaiveInt8Linear(naive, x, m, weight.codec.activation_group, k_begin, k_end)
             : NaiveBf16Linear(naive, x, m, k_begin, k_end);
}

TEST(RefLinearPacked, IsTheContractOverEveryCodec) {
  FpScope fp;
  const uint64_t seed = TestSeed(41);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const int m = 3;
  for (const CodecCase& test : CodecCases()) {
    const bool segments = IntIn(random, 0, 3) > 0;
    const int n = IntIn(random, 1, 40), k = segments ? IntIn(random, 1025, 1200) : IntIn(random, 1, 600);
    SCOPED_TRACE(test.name + ", n " + std::to_string(n) + " k " + std::to_string(k));
    PackedWeight weight = *RandomPacked("w", n, k, test.codec, test.spec);
    if (!segments) weight.k_segment = weight.view.k_segment = 0;
    const std::vector<float> x = PackedActivations(m, k, random);
    const PackedInput input(x, m, weight, LinearInput::kInt8Rows, 1);
    const int panels = weight.panels();
    std::vector<float> y(static_cast<std::size_t>(m) * panels * 16);
    LinearPackedArgs args{.w = &weight.view,
                          .y = y.data(),
                          .y_stride = panels * 16,
                          .k_begin = 0,
                          .k_end = weight.k_padded,
                          .panel_begin = 0,
                          .panel_end = panels};
    input.Set(&args);
    RunRef(args, test.codec.activations);
    const std::vector<float> want = Naive(weight, x, m);
    for (int i = 0; i < m; ++i) {
      ASSERT_TRUE(SameBits(std::span(y).subspan(i * panels * 16, n), std::span(want).subspan(i * n, n))) << "row " << i;
    }
  }
}

TEST(RefLinearPacked, MutantsAreSeen) {
  FpScope fp;
  Random random(TestSeed(42));
  const int m = 3, n = 48, k = 2100;
  for (PackedMutant mutant : kPackedMutants) {
    bool seen = false;
    for (const char* name : {"int8", "bitmap-int4", "int4z", "bitmap-codebook"}) {
      const PackedWeight weight = *RandomPacked("w", n, k, *ParseCodec(name), {.density = 0.5, .seed = 7});
      const std::vector<float> x = PackedActivations(m, k, random);
      const NaivePacked naive = Unpack(weight);
      const int group = weight.codec.activation_group;
      seen = seen || !SameBits(NaiveInt8Linear(naive, x, m, group), NaiveInt8Linear(naive, x, m, group, 0, 0, mutant));
    }
    EXPECT_TRUE(seen) << static_cast<int>(mutant);
  }
}

// Rows, panel ranges and parts of K are independent: nested ranks read a prefix, a split K adds segments.
TEST(RefLinearPacked, PartsAreIndependent) {
  FpScope fp;
  Random random(TestSeed(43));
  const int m = 37, n = 70, k = 2500;
  for (const char* name :
       {"int8", "bitmap-int8", "int4", "bitmap-int4z", "nf4", "nvfp4", "bitmap-razer", "bitmap-bf16"}) {
    SCOPED_TRACE(name);
    const PackedWeight weight = *RandomPacked("w", n, k, *ParseCodec(name), {.density = 0.4, .skew = true, .seed = 3});
    const bool int8 = weight.codec.activations == Activations::kInt8;
    const std::vector<float> x = PackedActivations(m, k, random);
    const PackedInput input(x, m, weight, LinearInput::kInt8Rows, 1);
    std::vector<float> all(m * 80), part(m * 80), sum(m * 80);
    LinearPackedArgs args{.w = &weight.view,
                          .y = all.data(),
                          .y_stride = 80,
                          .k_begin = 0,
                          .k_end = weight.k_padded,
                          .panel_begin = 0,
                          .panel_end = 5};
    input.Set(&args);
    RunRef(args, weight.codec.activations);
    // Row by row, from the middle of the panels. With one row the scales' stride stays that of the input.
    args.y = part.data();
    args.panel_begin = 2;
    args.panel_end = 4;
    args.m = 1;
    for (int row = m - 1; row >= 0; --row) {
      LinearPackedArgs one = args;
      one.x = static_cast<const char*>(args.x) + static_cast<ptrdiff_t>(row) * weight.k_padded * (int8 ? 1 : 2);
      if (int8) {
        one.x_scales += row;
        one.x_sums += row;
      }
      RunRef(one, weight.codec.activations);
      ASSERT_TRUE(SameBits(std::span(part).first(32), std::span(all).subspan(row * 80 + 32, 32))) << row;
    }
    // Segments, summed ascending.
    args.m = m;
    args.panel_begin = 0;
    args.panel_end = 5;
    for (int k0 = 0; k0 < weight.k_padded; k0 += 1024) {
      args.k_begin = k0;
      args.k_end = std::min(weight.k_padded, k0 + 1024);
      RunRef(args, weight.codec.activations);
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
    }
    EXPECT_TRUE(SameBits(sum, all));
    // A prefix.
    args.k_begin = 0;
    args.k_end = 1408;
    RunRef(args, weight.codec.activations);
    const std::vector<float> want = Naive(weight, x, m, 0, 1408);
    for (int i = 0; i < m; ++i) {
      ASSERT_TRUE(SameBits(std::span(part).subspan(i * 80, n), std::span(want).subspan(i * n, n))) << "row " << i;
    }
  }
}

TEST(RefExpandChannel, GivesTheScaledWeights) {
  FpScope fp;
  Random random(TestSeed(44));
  for (const CodecCase& test : CodecCases()) {
    const int n = IntIn(random, 1, 40), k = IntIn(random, 1, 400);
    SCOPED_TRACE(test.name + ", n " + std::to_string(n) + " k " + std::to_string(k));
    const PackedWeight weight = *RandomPacked("w", n, k, test.codec, test.spec);
    const NaivePacked naive = Unpack(weight);
    Guarded<float> guard(k);
    const std::span<float> got = guard.Place(k, GuardSide::kAfter);
    for (int channel = 0; channel < n; ++channel) {
      RefExpandChannel(&weight.view, channel, k, got.data());
      for (int j = 0; j < k; ++j) {
        const float scale = naive.scale[static_cast<std::size_t>(channel * naive.groups + j / naive.group)];
        ASSERT_TRUE(SameBits(got[j], naive.value[static_cast<std::size_t>(channel * naive.k_padded + j)] * scale))
            << channel << ", " << j;
      }
    }
  }
}

// Scales, sums and values by the rule, in each layout; parts of the rows by different calls.
TEST(RefInputInt8, LayoutsHoldTheSameValues) {
  FpScope fp;
  Random random(TestSeed(45));
  for (int m : {1, 2, 5, 16, 17, 40}) {
    for (const auto& [k, group] : {std::pair{1, 0}, {64, 32}, {100, 32}, {515, 128}, {1100, 512}, {1030, 0}}) {
      SCOPED_TRACE("m " + std::to_string(m) + " k " + std::to_string(k) + " group " + std::to_string(group));
      const int k_padded = (k + 63) / 64 * 64, step = group == 0 ? k_padded : group,
                groups = (k_padded + step - 1) / step;
      const std::vector<float> x = PackedActivations(m, k, random);
      struct Layout {
        void (*pack)(const LinearInt8InputArgs&);
        int block_rows, x_rows;
      };
      const int tile_rows = std::min(m, 16), all_rows = (m + tile_rows - 1) / tile_rows * tile_rows;
      std::vector<int8_t> values[3];
      const Layout layouts[] = {{RefInputInt8Rows, 1, m}, {RefInputInt8Wide, 6, m}, {RefInputInt8Tiles, 16, all_rows}};
      for (int l = 0; l < 3; ++l) {
        const Layout& layout = layouts[l];
        const int rows = layout.x_rows;
        Guarded<int8_t> to(rows * k_padded);
        const std::span<int8_t> q = to.Place(rows * k_padded, GuardSide::kAfter);
        std::fill(q.begin(), q.end(), int8_t{99});
        std::vector<float> scales(groups * rows, -1);
        std::vector<int32_t> sums((k_padded / 32 + 1) * rows, -1);
        const int middle = std::min(m, (m / 2 + layout.block_rows - 1) / layout.block_rows * layout.block_rows);
        for (const auto& [begin, end] : {std::pair{middle, m}, {0, middle}}) {
          if (begin == end) continue;
          layout.pack({.x = x.data(),
                       .x_stride = k,
                       .to = q.data(),
                       .scales = scales.data(),
                       .sums = sums.data(),
                       .m = m,
                       .x_rows = rows,
                       .k = k,
                       .k_padded = k_padded,
                       .activation_group = step,
                       .block_rows = layout.block_rows,
                       .row_begin = begin,
                       .row_end = end});
        }
        const auto at = [&](int row, int j) -> int8_t {
          if (l == 0) return q[row * k_padded + j];
          if (l == 1) {
            const int block = row / 6, in_block = std::min(6, m - block * 6);
            return q[block * 6 * k_padded + j / 4 * in_block * 4 + row % 6 * 4 + j % 4];
          }
          const int chunk = j / 512, width = std::min(512, k_padded - chunk * 512);
          return q[chunk * 512 * rows + row / tile_rows * tile_rows * width + j % 512 / 64 * tile_rows * 64 +
                   row % tile_rows * 64 + j % 64];
        };
        for (int row = 0; row < rows; ++row) {
          int32_t sum = 0;
          for (int j = 0; j < k_padded; ++j) {
            if (j % 32 == 0) {
              ASSERT_EQ(sums[j / 32 * rows + row], sum) << row << ", " << j;
            }
            float a = 0;
            for (int i = j / step * step; i < std::min(k, (j / step + 1) * step) && row < m; ++i) {
              a = std::max(a, std::fabs(x[row * k + i]));
            }
            const bool zero = a < 0x1p-100f || j >= k;
            const int want =
                zero ? 0 : std::clamp(static_cast<int>(std::nearbyint(x[row * k + j] * (127 / a))), -127, 127);
            ASSERT_EQ(at(row, j), want) << row << ", " << j;
            ASSERT_TRUE(SameBits(scales[j / step * rows + row], a < 0x1p-100f ? 0 : a / 127));
            sum += want;
          }
          ASSERT_EQ(sums[k_padded / 32 * rows + row], sum);
        }
      }
    }
  }
}

// What is not finite must reach the output.
TEST(RefInputInt8, NotFiniteBecomesTheScale) {
  FpScope fp;
  const PackedWeight weight = *RandomPacked("w", 16, 64, *ParseCodec("int8"), {.seed = 5});
  for (float bad : {INFINITY, -INFINITY, NAN}) {
    std::vector<float> x(64, 1.0f);
    x[17] = bad;
    const PackedInput input(x, 1, weight, LinearInput::kInt8Rows, 1);
    EXPECT_FALSE(std::isfinite(input.scales[0]));
    float y[16];
    LinearPackedArgs args{
        .w = &weight.view, .y = y, .y_stride = 16, .k_begin = 0, .k_end = 64, .panel_begin = 0, .panel_end = 1};
    input.Set(&args);
    RefLinearPackedInt8(args);
    for (float v : y) EXPECT_FALSE(std::isfinite(v));
  }
}

}  // namespace
}  // namespace lacuna::kernels
