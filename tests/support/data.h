// Test data that can tell wrong from right: a sum in another order, an unfused product or a kept denormal changes
// bits somewhere in it. Also the packers that tests use, written from the layouts alone.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "base/bf16.h"

namespace lacuna::testing {

enum class DataKind {
  kWide,      // 20 binades, and for half of the k a partner whose product cancels all but the last bits
  kSkewed,    // as kWide, magnitudes also falling by channel and rising by K
  kTiny,      // products and sums around 2^-126, some inputs denormal: flush-to-zero decides
  kHuge,      // products around 2^128: sums overflow, or just do not
  kIntegers,  // -8 to 8: every order gives the same exact sum, so only the layout can be wrong
};
inline constexpr DataKind kAllDataKinds[] = {DataKind::kWide, DataKind::kSkewed, DataKind::kTiny, DataKind::kHuge,
                                             DataKind::kIntegers};
// Without results that are not finite.
inline constexpr DataKind kFiniteDataKinds[] = {DataKind::kWide, DataKind::kSkewed, DataKind::kTiny,
                                                DataKind::kIntegers};
const char* Name(DataKind kind);

using Random = std::mt19937_64;

// A test's seed: `base`, or LACUNA_TEST_SEED when set. SeedText is for SCOPED_TRACE: every failure prints it.
uint64_t TestSeed(uint64_t base);
std::string SeedText(uint64_t seed);

float UniformIn(Random& random, float low, float high);  // the same numbers from every standard library
int IntIn(Random& random, int low, int high);            // both ends included

// x [m][k] and w [n][k], row-major.
struct LinearData {
  std::vector<bf16> x, w;
};
LinearData MakeLinearData(DataKind kind, int m, int n, int k, Random& random);

std::vector<float> UniformFloats(std::size_t count, float low, float high, Random& random);
std::vector<float> ToFloats(std::span<const bf16> values);
std::vector<bf16> ToBf16s(std::span<const float> values);

// [n][k] row-major to panels (kernels/linear.h): bf16 pads K to 32, f32 does not; both pad N to 16 by zeros.
std::vector<bf16> PackPanels(std::span<const bf16> w, int n, int k);
std::vector<float> PackPanels(std::span<const float> w, int n, int k);
// [m][k] to [m][k_padded], zeros behind.
std::vector<bf16> PadRows(std::span<const bf16> x, int m, int k, int k_padded);

}  // namespace lacuna::testing
