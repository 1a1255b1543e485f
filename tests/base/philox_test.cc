#include "base/philox.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <vector>

namespace lacuna {
namespace {

// The known answers published with the paper's library (Random123, kat_vectors: philox4x32 10).
TEST(Philox, KnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(Philox4x32({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = 0xffffffff;
  EXPECT_EQ(Philox4x32({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, EveryPartOfTheKeyCounts) {
  const RandomPurpose sample = RandomPurpose::kSample;
  std::set<std::array<uint32_t, 4>> seen;
  for (uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, uint64_t{1} << 63}) {
    for (uint64_t request : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 32, uint64_t{1} << 63}) {
      for (int64_t position : {int64_t{0}, int64_t{1}, int64_t{1} << 32, int64_t{1} << 55}) {
        seen.insert(RandomWords(seed, request, position, sample));
        seen.insert(RandomWords(seed, request, position, static_cast<RandomPurpose>(255)));
      }
    }
  }
  EXPECT_EQ(seen.size(), 4u * 4 * 4 * 2);
}

TEST(Philox, UniformStaysBelowOne) {
  EXPECT_EQ(UniformFloat(0), 0.0f);
  EXPECT_EQ(UniformFloat(0xff), 0.0f);
  EXPECT_EQ(UniformFloat(0x80000000), 0.5f);
  EXPECT_EQ(UniformFloat(0xffffffff), 1.0f - 0x1p-24f);
}

TEST(Philox, UniformIsUniform) {
  constexpr int kBins = 64, kDraws = 64'000;
  std::vector<int> bins(kBins);
  for (int i = 0; i < kDraws; ++i) {
    ++bins[static_cast<int>(UniformFloat(RandomWords(7, 3, i, RandomPurpose::kSample)[0]) * kBins)];
  }
  double chi2 = 0;
  for (int count : bins) chi2 += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi2, 103.4);  // 63 degrees of freedom, p = 0.001
  EXPECT_GT(chi2, 33.0);   // not evener than chance either (p = 0.999)
}

}  // namespace
}  // namespace lacuna
