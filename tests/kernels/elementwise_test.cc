// Element-wise kernels of every tier against the reference, bit for bit, over all tails, between guard pages.
#include "kernels/elementwise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/cpu_features.h"
#include "base/fp_scope.h"
#include "kernels/attention.h"
#include "kernels/ref/math.h"
#include "tests/support/data.h"
#include "tests/support/guard.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

constexpr GuardSide kSides[] = {GuardSide::kBefore, GuardSide::kAfter};
constexpr float kInf = std::numeric_limits<float>::infinity();

class ElementwiseTest : public ::testing::TestWithParam<const ElementwiseKernels*> {
 protected:
  void SetUp() override {
    const bool wide = GetParam() == &kElementwiseAvx512;
    if (!HasTier(HostCpuFeatures(), wide ? Tier::kAvx512 : Tier::kSimd)) GTEST_SKIP() << "needs " << GetParam()->tier;
  }
  const ElementwiseKernels& kernels() const { return *GetParam(); }
  FpScope fp_;
  const uint64_t seed_ = TestSeed(51);
  Random random_{seed_};
  ::testing::ScopedTrace trace_{__FILE__, __LINE__, SeedText(seed_)};
};

INSTANTIATE_TEST_SUITE_P(Tiers, ElementwiseTest, ::testing::Values(&kElementwiseSimd, &kElementwiseAvx512),
                         [](const auto& info) { return std::string(info.param->tier); });

// Ordinary values, values over 60 binades, and among them zeros, denormals, infinities, NaN and ties of rounding.
std::vector<float> Hard(int n, Random& random, bool finite = false) {
  std::vector<float> x = UniformFloats(static_cast<std::size_t>(n), -1, 1, random);
  const float odd[] = {0.0f,        -0.0f,       1e-40f,       -1e-40f,       1.17549435e-38f,
                       1.00390625f, 1.01171875f, -1.00390625f, 3.3895314e38f, 1e-30f};
  const float wild[] = {kInf, -kInf, std::nanf(""), -std::nanf("77")};
  for (float& v : x) {
    const int kind = IntIn(random, 0, 19);
    if (kind < 8) v = std::ldexp(v, IntIn(random, -30, 30));
    if (kind == 8) v = odd[IntIn(random, 0, 9)];
    if (kind == 9 && !finite) v = wild[IntIn(random, 0, 3)];
    if (kind == 10) v *= 100;
  }
  return x;
}

TEST_P(ElementwiseTest, ToBf16) {
  Guarded<float> x_guard(140);
  Guarded<bf16> y_guard(160);
  for (int k = 1; k <= 140; ++k) {
    const std::vector<float> data = Hard(k, random_);
    const int padded = (k + 31) / 32 * 32;
    std::vector<bf16> want(static_cast<std::size_t>(padded));
    kElementwiseRef.to_bf16(data.data(), k, padded, want.data());
    for (GuardSide side : kSides) {
      const std::span<bf16> y = y_guard.Place(static_cast<std::size_t>(padded), side);
      kernels().to_bf16(x_guard.Copy(data, side).data(), k, padded, y.data());
      for (int i = 0; i < padded; ++i) ASSERT_TRUE(SameBits(ToFloat(y[i]), ToFloat(want[i]))) << k << " " << i;
    }
  }
}

TEST_P(ElementwiseTest, RmsNorm) {
  Guarded<float> x_guard(4100), w_guard(4100), y_guard(4100);
  for (int n : {1, 2, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32, 33, 64, 96, 127, 128, 250, 2048, 4099}) {
    const std::vector<float> data = Hard(n, random_, true), weight = UniformFloats(n, -2, 2, random_);
    std::vector<float> want(n);
    kElementwiseRef.rms_norm(data.data(), weight.data(), 1e-5f, n, want.data());
    for (GuardSide side : kSides) {
      const std::span<float> x = x_guard.Copy(data, side), y = y_guard.Place(n, side);
      const std::span<float> w = w_guard.Copy(weight, side);
      kernels().rms_norm(x.data(), w.data(), 1e-5f, n, y.data());
      ASSERT_TRUE(SameBits(y, want)) << n;
      kernels().rms_norm(x.data(), w.data(), 1e-5f, n, x.data());
      ASSERT_TRUE(SameBits(x, want)) << "in place " << n;
    }
  }
}

TEST_P(ElementwiseTest, Rope) {
  Guarded<float> x_guard(3 * 256), cos_guard(128), sin_guard(128);
  for (int head_dim : {2, 6, 8, 16, 18, 24, 32, 34, 40, 64, 80, 96, 128, 256}) {
    const int heads = 3, half = head_dim / 2;
    const std::vector<float> data = Hard(heads * head_dim, random_);
    std::vector<float> cos(half), sin(half);
    for (int i = 0; i < half; ++i) RefSinCos(UniformIn(random_, 0, 5000), &sin[i], &cos[i]);
    std::vector<float> want = data;
    kElementwiseRef.rope(want.data(), heads, head_dim, cos.data(), sin.data());
    for (GuardSide side : kSides) {
      const std::span<float> x = x_guard.Copy(data, side);
      kernels().rope(x.data(), heads, head_dim, cos_guard.Copy(cos, side).data(), sin_guard.Copy(sin, side).data());
      ASSERT_TRUE(SameBits(x, want)) << head_dim;
    }
  }
}

TEST_P(ElementwiseTest, SiluMul) {
  Guarded<float> gate_guard(100), up_guard(100), y_guard(100);
  for (int n = 1; n <= 100; ++n) {
    const std::vector<float> gate = Hard(n, random_), up = Hard(n, random_);
    std::vector<float> want(n);
    kElementwiseRef.silu_mul(gate.data(), up.data(), n, want.data());
    for (GuardSide side : kSides) {
      const std::span<float> g = gate_guard.Copy(gate, side), u = up_guard.Copy(up, side), y = y_guard.Place(n, side);
      kernels().silu_mul(g.data(), u.data(), n, y.data());
      ASSERT_TRUE(SameBits(y, want)) << n;
      kernels().silu_mul(g.data(), u.data(), n, g.data());
      ASSERT_TRUE(SameBits(g, want)) << "in place " << n;
    }
  }
}

TEST_P(ElementwiseTest, GeluMul) {
  Guarded<float> gate_guard(100), up_guard(100), y_guard(100);
  for (int n = 1; n <= 100; ++n) {
    const std::vector<float> gate = Hard(n, random_), up = Hard(n, random_);
    std::vector<float> want(n);
    kElementwiseRef.gelu_mul(gate.data(), up.data(), n, want.data());
    for (GuardSide side : kSides) {
      const std::span<float> g = gate_guard.Copy(gate, side), u = up_guard.Copy(up, side), y = y_guard.Place(n, side);
      kernels().gelu_mul(g.data(), u.data(), n, y.data());
      ASSERT_TRUE(SameBits(y, want)) << n;
      kernels().gelu_mul(g.data(), u.data(), n, g.data());
      ASSERT_TRUE(SameBits(g, want)) << "in place " << n;
    }
  }
}

TEST_P(ElementwiseTest, Add) {
  Guarded<float> a_guard(100), b_guard(100), y_guard(100);
  for (int n = 1; n <= 100; ++n) {
    const std::vector<float> a = Hard(n, random_), b = Hard(n, random_);
    std::vector<float> want(n);
    kElementwiseRef.add(a.data(), b.data(), n, want.data());
    for (GuardSide side : kSides) {
      const std::span<float> y = y_guard.Place(n, side);
      kernels().add(a_guard.Copy(a, side).data(), b_guard.Copy(b, side).data(), n, y.data());
      ASSERT_TRUE(SameBits(y, want)) << n;
    }
  }
}

// With temperature 1 and top 0 the weights are exp itself: compared over every 977th of all floats.
TEST_P(ElementwiseTest, SoftmaxWeights) {
  Guarded<float> guard(70);
  for (int n = 1; n <= 70; ++n) {
    const std::vector<float> data = Hard(n, random_);
    std::vector<float> want = data;
    const float want_sum = kElementwiseRef.softmax_weights(want.data(), n, 0.75f, 0.8f);
    for (GuardSide side : kSides) {
      const std::span<float> x = guard.Copy(data, side);
      ASSERT_TRUE(SameBits(kernels().softmax_weights(x.data(), n, 0.75f, 0.8f), want_sum)) << n;
      ASSERT_TRUE(SameBits(x, want)) << n;
    }
  }
  std::vector<float> block(4096), want(4096);
  uint64_t bits = 0;
  while (bits < 0x100000000u) {
    for (float& v : block) v = FloatFromBits(static_cast<uint32_t>(bits)), bits += 977;
    want = block;
    kElementwiseRef.softmax_weights(want.data(), 4096, 0.0f, 1.0f);
    kernels().softmax_weights(block.data(), 4096, 0.0f, 1.0f);
    ASSERT_TRUE(SameBits(block, want));
  }
}

TEST_P(ElementwiseTest, WriteToken) {
  for (int head_dim : {1, 2, 7, 8, 15, 16, 17, 24, 32, 40, 64, 80, 100, 128, 256}) {
    const std::size_t elements = static_cast<std::size_t>(KeyElements(head_dim) + ValueElements(head_dim));
    Guarded<bf16> guard(elements);
    Guarded<float> k_guard(head_dim), v_guard(head_dim);
    for (GuardSide side : kSides) {
      const std::span<bf16> page = guard.Copy(std::vector<bf16>(elements, bf16{0x4567}), side);
      std::vector<bf16> want(page.begin(), page.end());
      for (int slot : {0, 1, 15, 16, 31, 47, 62, 63}) {
        const std::vector<float> k = Hard(head_dim, random_), v = Hard(head_dim, random_);
        kElementwiseRef.write_token(k.data(), v.data(), head_dim, slot, want.data());
        kernels().write_token(k_guard.Copy(k, side).data(), v_guard.Copy(v, side).data(), head_dim, slot, page.data());
        for (std::size_t i = 0; i < elements; ++i)
          ASSERT_TRUE(SameBits(ToFloat(page[i]), ToFloat(want[i]))) << head_dim;
      }
    }
  }
}

}  // namespace
}  // namespace lacuna::kernels
