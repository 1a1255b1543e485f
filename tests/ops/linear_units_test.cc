// How few rows of the linear op are shared among threads: by the bytes that a share reads.
#include "ops/linear_units.h"

#include <gtest/gtest.h>

#include "tests/support/packed_cases.h"

namespace lacuna {
namespace {

LinearMember Member(const char* codec, int n, int k, bool skew) {
  LinearMember member;
  member.weight = *RandomPacked("w", n, k, *ParseCodec(codec), {.density = 0.5, .skew = skew, .seed = 5});
  return member;
}

uint64_t UnitBytes(const LinearArgs& args, const Unit& unit) {
  const auto of = [&](std::size_t m) {
    const PackedWeight& w = args.set->members[m].weight;
    return w.ReadBytesBefore(unit.panel_end) - w.ReadBytesBefore(unit.panel);
  };
  return of(unit.member) + (args.epilogue == LinearEpilogue::kSiluMul ? of(1) : 0);
}

// Shares are whole, ascending and within a unit of the mean. Returns the largest over the mean, and what it would be
// with as many units in each.
std::pair<double, double> ExpectFairShares(const LinearArgs& args, int workers, uint64_t chosen) {
  const Units units(args, 1, workers, chosen);
  std::vector<uint64_t> bytes(static_cast<std::size_t>(workers)), by_count(static_cast<std::size_t>(workers));
  uint64_t all = 0, largest_unit = 0;
  EXPECT_EQ(units.ShareBegin(0, workers), 0);
  EXPECT_EQ(units.ShareBegin(workers, workers), units.count());
  for (int w = 0; w < workers; ++w) {
    EXPECT_LE(units.ShareBegin(w, workers), units.ShareBegin(w + 1, workers));
    for (int64_t u = units.ShareBegin(w, workers); u < units.ShareBegin(w + 1, workers); ++u) {
      const uint64_t unit = UnitBytes(args, units[u]);
      bytes[static_cast<std::size_t>(w)] += unit;
      by_count[static_cast<std::size_t>(u * workers / units.count())] += unit;
      all += unit;
      largest_unit = std::max(largest_unit, unit);
    }
  }
  uint64_t want = 0;
  for (std::size_t m = 0; m < args.set->members.size(); ++m)
    want += chosen >> m & 1 ? args.set->members[m].weight.ReadBytes() : 0;
  EXPECT_EQ(all, want);
  for (uint64_t share : bytes)
    EXPECT_LE(static_cast<double>(share), static_cast<double>(all) / workers + static_cast<double>(largest_unit));
  const double mean = static_cast<double>(all) / workers;
  return {static_cast<double>(*std::max_element(bytes.begin(), bytes.end())) / mean,
          static_cast<double>(*std::max_element(by_count.begin(), by_count.end())) / mean};
}

TEST(LinearUnits, SkewedChannelsAreSharedByBytes) {
  for (const char* codec : {"bitmap-bf16", "bitmap-int8", "bitmap-int4"}) {
    LinearSet set;
    set.members.push_back(Member(codec, 16000, 128, true));
    for (int workers : {1, 2, 3, 4, 7}) {
      const auto [share, by_count] = ExpectFairShares({.set = &set}, workers, 1);
      EXPECT_LT(share, 1.04) << codec << ", " << workers << " workers";
      EXPECT_TRUE(workers == 1 || by_count > share + 0.05) << codec << ", " << workers << " workers: " << by_count;
    }
  }
}

TEST(LinearUnits, SetsAndPairsAreSharedByBytes) {
  LinearSet set;
  set.members.push_back(Member("bitmap-int8", 500, 128, true));
  set.members.push_back(Member("bf16", 500, 128, false));
  set.members.push_back(Member("int4", 3000, 128, false));
  for (int workers : {1, 2, 5, 16}) {
    for (uint64_t chosen : {7, 5, 2, 6}) ExpectFairShares({.set = &set}, workers, chosen);
    ExpectFairShares({.set = &set, .epilogue = LinearEpilogue::kStore}, workers, 7);
  }
  set.members.pop_back();
  for (int workers : {1, 2, 5, 40}) ExpectFairShares({.set = &set, .epilogue = LinearEpilogue::kSiluMul}, workers, 3);
}

TEST(LinearUnits, BytesOfPanelsAreThoseOfTheWhole) {
  for (const testing::CodecCase& c : testing::CodecCases()) {
    const auto weight = RandomPacked("w", 150, 2048, c.codec, c.spec);
    ASSERT_TRUE(weight.ok()) << c.name;
    EXPECT_EQ(weight->ReadBytesBefore(0), 0u) << c.name;
    const std::size_t padding = weight->codec.bitmap && weight->StoredWeights() == 0 ? 64 : 0;  // of no values at all
    EXPECT_EQ(weight->ReadBytesBefore(weight->panels()), weight->ReadBytes() - padding) << c.name;
    for (int p = 0; p < weight->panels(); ++p)
      EXPECT_LT(weight->ReadBytesBefore(p), weight->ReadBytesBefore(p + 1)) << c.name;
  }
}

}  // namespace
}  // namespace lacuna
