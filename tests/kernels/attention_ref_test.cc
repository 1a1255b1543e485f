// Attention of the reference: the contract's blocks and chunks written a second time, the double oracle's bounds,
// windows, grouped heads, and what must not be read.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/fp_scope.h"
#include "kernels/ref/math.h"
#include "kernels/ref/ref.h"
#include "tests/support/data.h"
#include "tests/support/guard.h"
#include "tests/support/kv_pages.h"
#include "tests/support/naive_dot.h"
#include "tests/support/oracle.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

constexpr float kMinusInf = -std::numeric_limits<float>::infinity();

struct Case {
  int head_dim;
  int position;
  int window;
  std::vector<float> q, k, v;  // q [heads][head_dim], k and v [position + 1][head_dim]
  int heads;
  float scale;

  int first() const { return window > 0 ? std::max(0, position - window + 1) : 0; }
};

Case MakeCase(int head_dim, int position, int window, int heads, float spread, Random& random) {
  Case c{.head_dim = head_dim, .position = position, .window = window, .heads = heads};
  const std::size_t tokens = static_cast<std::size_t>(position) + 1;
  c.q = UniformFloats(static_cast<std::size_t>(heads) * head_dim, -spread, spread, random);
  c.k = UniformFloats(tokens * head_dim, -spread, spread, random);
  c.v = UniformFloats(tokens * head_dim, -2, 2, random);
  c.scale = 1.0f / std::sqrt(static_cast<float>(head_dim));
  return c;
}

AttentionArgs ArgsOf(const Case& c, const KvPages& pages, float* out) {
  return {.pages = pages.pages(),
          .page_offset = 0,
          .q = c.q.data(),
          .q_stride = c.head_dim,
          .out = out,
          .out_stride = c.head_dim,
          .heads = c.heads,
          .head_dim = c.head_dim,
          .scale = c.scale,
          .position = c.position,
          .window = c.window};
}

std::vector<float> RunBf16(const Case& c) {
  const KvPages pages(c.k, c.v, c.head_dim, false);
  std::vector<float> out(c.q.size());
  RefAttentionBf16(ArgsOf(c, pages, out.data()));
  return out;
}

// The contract's text, one query, straight: vectors that grow, no panels, masked slots written out.
std::vector<float> NaiveAttention(const Case& c, int head) {
  struct State {
    float m = kMinusInf, l = 0;
    std::vector<float> o;
  };
  const int d = c.head_dim;
  const std::vector<bf16> q = ToBf16s(std::span(c.q).subspan(head * d, d)), k = ToBf16s(c.k), v = ToBf16s(c.v);
  State total{.o = std::vector<float>(d)};
  for (int chunk_begin = 0; chunk_begin <= c.position; chunk_begin += 512) {
    State chunk{.o = std::vector<float>(d)};
    bool any = false;
    for (int block = chunk_begin; block < chunk_begin + 512; block += 64) {
      std::vector<float> s(64, kMinusInf), p(64);
      bool visible = false;
      for (int slot = 0; slot < 64; ++slot) {
        const int position = block + slot;
        if (position > c.position || position < c.first()) continue;
        s[slot] = NaiveDot(q.data(), k.data() + position * d, d, 0) * c.scale;
        visible = true;
      }
      if (!visible) continue;
      any = true;
      const float m = std::max(chunk.m, *std::max_element(s.begin(), s.end()));
      const float r = RefExp(chunk.m - m);
      for (int slot = 0; slot < 64; ++slot) p[slot] = RefExp(s[slot] - m);
      std::vector<float> lanes(16);
      for (int slot = 0; slot < 64; ++slot) lanes[slot % 16] = lanes[slot % 16] + p[slot];
      for (int apart : {8, 4, 2, 1}) {
        for (int j = 0; j < apart; ++j) lanes[j] = lanes[j] + lanes[j + apart];
      }
      chunk.l = std::fma(chunk.l, r, lanes[0]);
      const std::vector<bf16> rounded = ToBf16s(p);
      for (int dim = 0; dim < d; ++dim) {
        std::vector<bf16> column(64, bf16{0});
        for (int slot = 0; slot < 64 && block + slot <= c.position; ++slot) column[slot] = v[(block + slot) * d + dim];
        chunk.o[dim] = std::fma(chunk.o[dim], r, NaiveDot(rounded.data(), column.data(), 64, 0));
      }
      chunk.m = m;
    }
    if (!any) continue;
    const float m = std::max(total.m, chunk.m), r = RefExp(total.m - m), f = RefExp(chunk.m - m);
    const auto merge = [r, f](float whole, float part) {
      const float scaled = part * f;
      return std::fma(whole, r, scaled);
    };
    total.l = merge(total.l, chunk.l);
    for (int dim = 0; dim < d; ++dim) total.o[dim] = merge(total.o[dim], chunk.o[dim]);
    total.m = m;
  }
  for (float& o : total.o) o = o / total.l;
  return total.o;
}

TEST(RefAttentionBf16, EqualsTheContractWrittenAgain) {
  FpScope fp;
  const uint64_t seed = TestSeed(41);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  const int heads = 2;
  for (int head_dim : {8, 24, 64, 100}) {
    for (int position : {0, 1, 62, 63, 64, 65, 127, 200, 511, 512, 700, 1100}) {
      for (int window : {0, 1, 40, 64, 600}) {
        if (head_dim != 24 && (position > 200 || window > 64)) continue;
        const Case c = MakeCase(head_dim, position, window, heads, 3, random);
        const std::vector<float> out = RunBf16(c);
        for (int head = 0; head < heads; ++head) {
          EXPECT_TRUE(SameBits(std::span(out).subspan(head * head_dim, head_dim), NaiveAttention(c, head)))
              << "head_dim " << head_dim << " position " << position << " window " << window;
        }
      }
    }
  }
}

void ExpectNearOracle(const Case& c, std::span<const float> out, bool f32) {
  const auto as_kernel = [f32](std::span<const float> x) {
    return f32 ? std::vector<float>(x.begin(), x.end()) : ToFloats(ToBf16s(x));
  };
  const int d = c.head_dim, begin = c.first() * d;
  const std::vector<float> q = as_kernel(c.q), k = as_kernel(c.k), v = as_kernel(c.v);
  const int64_t tokens = c.position + 1 - c.first();
  const AttentionOracle roundings = f32 ? F32AttentionRoundings(d, tokens) : Bf16AttentionRoundings(d, tokens);
  for (int head = 0; head < c.heads; ++head) {
    const std::vector<Bounded> want = OracleAttention(std::span(q).subspan(head * d, d), std::span(k).subspan(begin),
                                                      std::span(v).subspan(begin), d, c.scale, roundings);
    for (int i = 0; i < d; ++i) {
      ASSERT_LE(std::abs(out[head * d + i] - want[i].value), want[i].bound)
          << "head_dim " << d << " position " << c.position << " window " << c.window;
      // The bound must say something: f32 to 2^-10 of V, bf16 to 2^-5.
      ASSERT_LE(want[i].bound, f32 ? 2 * 0x1p-10 : 2 * 0x1p-5);
    }
  }
}

TEST(RefAttentionBf16, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(42);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int head_dim : {16, 64, 128, 512}) {
    for (int position : {0, 63, 500, 1700}) {
      for (int window : {0, 100}) {
        const Case c = MakeCase(head_dim, position, window, 3, 2, random);
        ExpectNearOracle(c, RunBf16(c), false);
      }
    }
  }
}

TEST(RefAttentionF32, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(43);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  for (int head_dim : {1, 7, 64, 100}) {
    for (int position : {0, 63, 64, 500, 1500}) {
      for (int window : {0, 100}) {
        const Case c = MakeCase(head_dim, position, window, 3, 2, random);
        const KvPages pages(c.k, c.v, head_dim, true);
        Guarded<float> scores(static_cast<std::size_t>(c.heads) * (position + 1));
        std::vector<float> out(c.q.size());
        RefAttentionF32(ArgsOf(c, pages, out.data()),
                        scores.Place(static_cast<std::size_t>(c.heads) * (position + 1), GuardSide::kAfter).data());
        ExpectNearOracle(c, out, true);
      }
    }
  }
}

// Queries, results and pages between guard pages, strided and at an offset; heads do not see each other.
TEST(RefAttentionBf16, StaysInside) {
  FpScope fp;
  Random random(TestSeed(44));
  const int heads = 5;
  Guarded<float> q_guard(heads * 128), out_guard(heads * 128);
  for (int head_dim = 1; head_dim <= 100; head_dim += 3) {
    const Case c = MakeCase(head_dim, 70, 0, heads, 2, random);
    const std::vector<float> want = RunBf16(c);
    const KvPages pages(c.k, c.v, head_dim, false, 192);
    const int stride = head_dim + 5, used = (heads - 1) * stride + head_dim;
    for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
      const std::span<float> q = q_guard.Place(used, side), out = out_guard.Place(used, side);
      for (int head = 0; head < heads; ++head) {
        std::copy_n(c.q.begin() + head * head_dim, head_dim, q.begin() + head * stride);
      }
      AttentionArgs args = ArgsOf(c, pages, out.data());
      args.q = q.data();
      args.q_stride = args.out_stride = stride;
      args.page_offset = 192;
      RefAttentionBf16(args);
      for (int head = 0; head < heads; ++head) {
        ASSERT_TRUE(SameBits(out.subspan(head * stride, head_dim), std::span(want).subspan(head * head_dim, head_dim)))
            << "head_dim " << head_dim;
      }
    }
  }
}

TEST(RefAttentionBf16, MaskedSlotsAndPagesDoNotCount) {
  FpScope fp;
  Random random(TestSeed(45));
  const int head_dim = 32, position = 1000;
  const Case c = MakeCase(head_dim, position, 70, 1, 2, random);
  const std::vector<float> want = RunBf16(c);
  // Everything outside the window replaced, whole pages gone, what follows the position in its page replaced.
  Case other = c;
  std::fill_n(other.k.begin(), c.first() * head_dim, 77.0f);
  std::fill_n(other.v.begin(), c.first() * head_dim, -3000.0f);
  KvPages pages(other.k, other.v, head_dim, false, 0, -500.0f);
  for (int page = 0; page < c.first() / kPageTokens; ++page) pages.Drop(page);
  std::vector<float> out(head_dim);
  RefAttentionBf16(ArgsOf(c, pages, out.data()));
  EXPECT_TRUE(SameBits(out, want));
}

TEST(RefAttentionBf16, OneTokenGivesItsValue) {
  FpScope fp;
  Random random(TestSeed(46));
  const Case c = MakeCase(48, 0, 0, 1, 2, random);
  EXPECT_TRUE(SameBits(RunBf16(c), ToFloats(ToBf16s(c.v))));
}

// Scores far apart: what underflows in exp is exactly nothing, and a later, larger maximum takes over.
TEST(RefAttentionBf16, LateMaximumTakesOver) {
  FpScope fp;
  Random random(TestSeed(47));
  const int head_dim = 32, position = 640;
  Case c = MakeCase(head_dim, position, 0, 1, 1, random);
  std::fill(c.q.begin(), c.q.end(), 100.0f);
  std::fill_n(c.k.begin() + position * head_dim, head_dim, 100.0f);
  const std::vector<float> v = ToFloats(ToBf16s(c.v));
  EXPECT_TRUE(SameBits(RunBf16(c), std::span(v).subspan(position * head_dim, head_dim)));
}

}  // namespace
}  // namespace lacuna::kernels
