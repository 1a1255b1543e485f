// Sums, RMS norm, rope and SwiGLU of the reference: the order of sums by hand, the double oracle's bounds, and guard
// pages over all tails.
#include <gtest/gtest.h>

#include <cmath>

#include "base/fp_scope.h"
#include "kernels/ref/math.h"
#include "kernels/ref/ref.h"
#include "tests/support/data.h"
#include "tests/support/guard.h"
#include "tests/support/oracle.h"
#include "tests/support/same_bits.h"

namespace lacuna::kernels {
namespace {

using namespace lacuna::testing;

constexpr GuardSide kSides[] = {GuardSide::kBefore, GuardSide::kAfter};

// The rule of sums by its text: lane j takes j, j + 16, ..; lanes are added 8, 4, 2, 1 apart.
template <typename Take>
float NaiveLanes(std::span<const float> x, Take take) {
  std::vector<float> lanes(16, 0.0f);
  for (std::size_t i = 0; i < x.size(); ++i) lanes[i % 16] = take(lanes[i % 16], x[i]);
  while (lanes.size() > 1) {
    const std::size_t half = lanes.size() / 2;
    std::vector<float> next;
    for (std::size_t j = 0; j < half; ++j) next.push_back(lanes[j] + lanes[j + half]);
    lanes = next;
  }
  return lanes[0];
}

TEST(RefSum, FollowsTheRuleOfSums) {
  FpScope fp;
  const uint64_t seed = TestSeed(31);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<float> guard(200);
  bool order_matters = false;
  for (int n = 1; n <= 200; ++n) {
    std::vector<float> data = UniformFloats(n, -1, 1, random);
    for (float& v : data) v = std::ldexp(v, IntIn(random, -10, 9));
    const float sum = NaiveLanes(data, [](float lane, float v) { return lane + v; });
    const float squares = NaiveLanes(data, [](float lane, float v) { return std::fma(v, v, lane); });
    for (GuardSide side : kSides) {
      const std::span<const float> x = guard.Copy(data, side);
      ASSERT_TRUE(SameBits(RefSum(x.data(), n), sum)) << n;
      ASSERT_TRUE(SameBits(RefSumOfSquares(x.data(), n), squares)) << n;
    }
    float ascending = 0;
    for (float v : data) ascending += v;
    order_matters |= !SameBits(ascending, sum);
  }
  EXPECT_TRUE(order_matters);
}

TEST(RefRmsNorm, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(32);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<float> x_guard(4096), w_guard(4096), y_guard(4096);
  for (int n : {1, 2, 15, 16, 17, 31, 33, 64, 96, 127, 128, 250, 2048, 4096}) {
    for (float magnitude : {1e-3f, 1.0f, 1e3f}) {
      const std::vector<float> x_data = UniformFloats(n, -magnitude, magnitude, random);
      const std::vector<float> w_data = UniformFloats(n, -2, 2, random);
      const std::vector<Bounded> want = OracleRmsNorm(x_data, w_data, 1e-5f);
      for (GuardSide side : kSides) {
        const std::span<float> x = x_guard.Copy(x_data, side);
        const std::span<const float> weight = w_guard.Copy(w_data, side);
        const std::span<float> y = y_guard.Place(n, side);
        RefRmsNorm(x.data(), weight.data(), 1e-5f, n, y.data());
        for (int i = 0; i < n; ++i) ASSERT_LE(std::abs(y[i] - want[i].value), want[i].bound) << "n " << n;
        RefRmsNorm(x.data(), weight.data(), 1e-5f, n, x.data());
        EXPECT_TRUE(SameBits(x, y)) << "in place, n " << n;
      }
    }
  }
}

TEST(RefRope, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(33);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<float> x_guard(3 * 256), cos_guard(128), sin_guard(128);
  for (int head_dim : {2, 6, 24, 32, 64, 80, 128, 256}) {
    const int heads = 3, half = head_dim / 2;
    const std::vector<float> data = UniformFloats(heads * head_dim, -4, 4, random);
    std::vector<float> cos(half), sin(half);
    for (int i = 0; i < half; ++i) RefSinCos(UniformIn(random, 0, 5000), &sin[i], &cos[i]);
    const std::vector<Bounded> want = OracleRope(data, heads, cos, sin);
    for (GuardSide side : kSides) {
      const std::span<float> x = x_guard.Copy(data, side);
      RefRope(x.data(), heads, head_dim, cos_guard.Copy(cos, side).data(), sin_guard.Copy(sin, side).data());
      for (int i = 0; i < heads * head_dim; ++i) {
        ASSERT_LE(std::abs(x[i] - want[i].value), want[i].bound) << "head_dim " << head_dim;
      }
    }
  }
}

TEST(RefSiluMul, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(34);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<float> gate_guard(100), up_guard(100), y_guard(100);
  for (int n = 1; n <= 100; ++n) {
    const float magnitude = n % 3 == 0 ? 100.0f : 8.0f;
    std::vector<float> gate_data = UniformFloats(n, -magnitude, magnitude, random);
    const std::vector<float> up_data = UniformFloats(n, -3, 3, random);
    if (n > 2) gate_data[1] = 0, gate_data[2] = -0.0f;
    for (GuardSide side : kSides) {
      const std::span<float> gate = gate_guard.Copy(gate_data, side);
      const std::span<const float> up = up_guard.Copy(up_data, side);
      const std::span<float> y = y_guard.Place(n, side);
      RefSiluMul(gate.data(), up.data(), n, y.data());
      for (int i = 0; i < n; ++i) {
        const Bounded want = OracleSiluMul(gate[i], up[i]);
        ASSERT_LE(std::abs(y[i] - want.value), want.bound) << gate[i] << " " << up[i];
        ASSERT_TRUE(SameBits(y[i], (gate[i] / (1.0f + RefExp(-gate[i]))) * up[i]));
      }
      RefSiluMul(gate.data(), up.data(), n, gate.data());
      EXPECT_TRUE(SameBits(gate, y)) << "in place, n " << n;
    }
  }
}

TEST(RefGeluMul, WithinTheOraclesBound) {
  FpScope fp;
  const uint64_t seed = TestSeed(35);
  SCOPED_TRACE(SeedText(seed));
  Random random(seed);
  Guarded<float> gate_guard(100), up_guard(100), y_guard(100);
  for (int n = 1; n <= 100; ++n) {
    const float magnitude = n % 3 == 0 ? 100.0f : 6.0f;
    std::vector<float> gate_data = UniformFloats(n, -magnitude, magnitude, random);
    const std::vector<float> up_data = UniformFloats(n, -3, 3, random);
    if (n > 4) gate_data[1] = 0, gate_data[2] = -0.0f, gate_data[3] = 1e-30f, gate_data[4] = -3e19f;
    for (GuardSide side : kSides) {
      const std::span<float> gate = gate_guard.Copy(gate_data, side);
      const std::span<const float> up = up_guard.Copy(up_data, side);
      const std::span<float> y = y_guard.Place(n, side);
      RefGeluMul(gate.data(), up.data(), n, y.data());
      for (int i = 0; i < n; ++i) {
        const Bounded want = OracleGeluMul(gate[i], up[i]);
        ASSERT_LE(std::abs(y[i] - want.value), want.bound) << gate[i] << " " << up[i];
        // The formula as it is published, where its cancellation does no harm.
        const double g = gate[i], inner = std::sqrt(2 / std::acos(-1.0)) * (g + 0.044715 * g * g * g);
        ASSERT_NEAR(y[i], 0.5 * g * (1 + std::tanh(inner)) * up[i], 2e-6 * (1 + std::abs(g * up[i]))) << gate[i];
      }
      RefGeluMul(gate.data(), up.data(), n, gate.data());
      EXPECT_TRUE(SameBits(gate, y)) << "in place, n " << n;
    }
  }
  // Non-finite gates stay so, or are the limit.
  const float odd[] = {INFINITY, -INFINITY, NAN}, ones[] = {1, 1, 1};
  float y[3];
  RefGeluMul(odd, ones, 3, y);
  EXPECT_EQ(y[0], INFINITY);
  EXPECT_TRUE(std::isnan(y[1]) && std::isnan(y[2]));
}

}  // namespace
}  // namespace lacuna::kernels
