// Attention kernels of the catalogue against the reference, bit for bit: head dims, group sizes, several rows of a
// lane, windows, positions at the borders of blocks and chunks, histories split at chunks, values that are not finite.
// Pages, queries, results and scratch lie between guard pages.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "backend/cpu/catalog.h"
#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "tests/support/amx_emulator.h"
#include "tests/support/data.h"
#include "tests/support/guard.h"
#include "tests/support/kv_pages.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

struct Shape {
  int head_dim, heads, rows;
  int position, window;
};

std::string Text(const Shape& s) {
  return "head_dim " + std::to_string(s.head_dim) + " heads " + std::to_string(s.heads) + " rows " +
         std::to_string(s.rows) + " position " + std::to_string(s.position) + " window " + std::to_string(s.window);
}

class AttentionTest : public ::testing::Test {
 protected:
  AttentionTest() { InstallAmxEmulator(); }

  // Runs `kernel` on random data of the shape, whole and split at chunks, and compares with the reference.
  void Check(const AttentionBf16Kernel& kernel, const Shape& s, float spread = 3, bool special = false) {
    SCOPED_TRACE(std::string(kernel.name) + " " + Text(s));
    const int d = s.head_dim, queries = s.heads * s.rows;
    const std::size_t tokens = static_cast<std::size_t>(s.position) + s.rows;
    std::vector<float> k = UniformFloats(tokens * d, -spread, spread, random_);
    std::vector<float> v = UniformFloats(tokens * d, -2, 2, random_);
    for (float& x : v) x = std::ldexp(x, IntIn(random_, -10, 9));
    std::vector<float> q_data = UniformFloats(static_cast<std::size_t>(queries) * d, -spread, spread, random_);
    if (special) {
      const float infinity = std::numeric_limits<float>::infinity();
      k[random_() % k.size()] = infinity;
      v[random_() % v.size()] = -infinity;
      q_data[random_() % q_data.size()] = std::nanf("");
      q_data[random_() % q_data.size()] = 3e38f;
    }
    const KvPages pages(k, v, d, false, 192);
    const std::size_t bytes = static_cast<std::size_t>(AttentionScratchBytes(d));
    GuardedBytes scratch(bytes);
    Guarded<float> q_guard(q_data.size()), out_guard(q_data.size());
    for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
      const std::span<float> q = q_guard.Copy(q_data, side), out = out_guard.Place(q_data.size(), side);
      std::vector<float> want(q_data.size());
      AttentionArgs args{.pages = pages.pages(),
                         .page_offset = 192,
                         .q = q.data(),
                         .q_stride = d,
                         .out = want.data(),
                         .out_stride = d,
                         .heads = s.heads,
                         .head_dim = d,
                         .scale = 1.0f / std::sqrt(static_cast<float>(d)),
                         .position = s.position,
                         .window = s.window,
                         .rows = s.rows,
                         .q_row_stride = static_cast<ptrdiff_t>(s.heads) * d,
                         .out_row_stride = static_cast<ptrdiff_t>(s.heads) * d,
                         .scratch = scratch.Place(bytes, side)};
      RefAttentionBf16(args);
      args.out = out.data();
      kernel.run(args);
      ASSERT_TRUE(SameBits(out, want));
      EXPECT_TRUE(AmxTilesReleased());

      // Chunk by chunk into partial results, then merged.
      const int64_t chunks = (s.position + s.rows - 1) / kChunkTokens + 1;
      const ptrdiff_t stride = queries * PartialFloats(d);
      std::vector<float> partial(static_cast<std::size_t>(chunks * stride), 7.0f);
      args.partial_stride = stride;
      for (int64_t chunk = 0; chunk < chunks; chunk += 2) {
        args.partial = partial.data() + chunk * stride;
        args.chunk_begin = chunk;
        args.chunk_end = std::min(chunk + 2, chunks);
        kernel.run(args);
      }
      for (int query = 0; query < queries; ++query) {
        kernel.merge(partial.data() + query * PartialFloats(d), stride, chunks, d, out.data() + query * d);
      }
      ASSERT_TRUE(SameBits(out, want)) << "split";
    }
  }

  // The kernels above the reference that run here, natively or emulated.
  static std::vector<const AttentionBf16Kernel*> Kernels() {
    const CpuFeatures features = ReadCpuFeatures();
    std::vector<const AttentionBf16Kernel*> kernels;
    for (const AttentionBf16Kernel& kernel : AttentionBf16Kernels()) {
      if (kernel.tier != Tier::kRef && HasTier(features, kernel.tier)) kernels.push_back(&kernel);
    }
    return kernels;
  }

  static bool Slow(const AttentionBf16Kernel& kernel) { return kernel.tier == Tier::kAmx && !AmxIsNative(); }

  FpScope fp_;
  const uint64_t seed_ = TestSeed(61);
  Random random_{seed_};
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, SeedText(seed_)};
};

constexpr int kHeadDims[] = {8, 24, 40, 64, 80, 96, 128, 256};
constexpr int kGroups[] = {1, 2, 3, 4, 8};
constexpr int kPositions[] = {0, 1, 62, 63, 64, 65, 511, 512, 513, 1500};
constexpr int kWindows[] = {0, 1, 40, 64, 600};

// A sixth of all combinations, others with another seed; where tiles are emulated fewer and smaller ones.
TEST_F(AttentionTest, KernelsEqualTheReference) {
  for (const AttentionBf16Kernel* kernel : Kernels()) {
    const bool slow = Slow(*kernel);
    for (int head_dim : kHeadDims) {
      for (int heads : kGroups) {
        for (int rows : {1, 2, 7, 16, 31}) {
          for (int position : kPositions) {
            for (int window : kWindows) {
              if (IntIn(random_, 1, slow ? 120 : 6) != 1 || (slow && heads * rows * position > 4000)) continue;
              Check(*kernel, {head_dim, heads, rows, position, window});
              if (HasFatalFailure()) return;
            }
          }
        }
      }
    }
  }
}

TEST_F(AttentionTest, AmxKernelEqualsTheReferenceOnAFewShapes) {
  for (const AttentionBf16Kernel* kernel : Kernels()) {
    ResetAmxCounts();
    for (const Shape& shape : {Shape{64, 4, 1, 70, 0}, Shape{40, 3, 7, 125, 0}, Shape{24, 1, 2, 512, 0},
                               Shape{128, 8, 5, 63, 0}, Shape{16, 2, 20, 600, 100}, Shape{96, 5, 4, 0, 0}}) {
      Check(*kernel, shape);
      if (HasFatalFailure()) return;
    }
    if (Slow(*kernel)) {
      EXPECT_GT(*AmxInstructionCount(AmxOp::kTdpbf16ps), 0u);
    }
  }
}

// Scores that underflow in exp, overflow, or are NaN; and products around 2^-126.
TEST_F(AttentionTest, AmxAndOthersOnHardValues) {
  for (const AttentionBf16Kernel* kernel : Kernels()) {
    for (float spread : {1e-19f, 30.0f, 1e18f}) {
      for (bool special : {false, true}) {
        Check(*kernel, {64, 4, 3, 130, 0}, spread, special);
        Check(*kernel, {40, 2, 9, 60, 50}, spread, special);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(AttentionTest, ManyQueries) {
  for (const AttentionBf16Kernel* kernel : Kernels()) {
    Check(*kernel, {16, 71, 3, 700, 0});
    Check(*kernel, {32, 1, 256, 300, 200});
    if (!Slow(*kernel)) {
      Check(*kernel, {64, 4, 64, 490, 0});
      Check(*kernel, {512, 2, 9, 513, 0});
    }
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace lacuna::kernels
