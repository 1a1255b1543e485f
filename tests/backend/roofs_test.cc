// The roofs: their arithmetic, and that measuring gives something a machine can have.
#include "backend/cpu/roofs.h"

#include <gtest/gtest.h>

#include "base/tile_permission.h"

namespace lacuna {
namespace {

TEST(Roofs, TheSlowerOfReadingAndComputing) {
  const Roofs roofs{.read_gb_s = 20, .peak_gflop_s = 1000};
  EXPECT_DOUBLE_EQ(RoofSeconds(2e9, 1e9, roofs), 0.1);          // bytes / bw
  EXPECT_DOUBLE_EQ(RoofSeconds(2e9, 5e11, roofs), 0.5);         // ops / peak
  EXPECT_DOUBLE_EQ(RoofSeconds(2e9, 5e11, roofs, 0.25), 0.75);  // drains take the computing unit's time
  EXPECT_DOUBLE_EQ(RoofSeconds(2e9, 0, roofs, 0.05), 0.1);      // .. and hide behind reading
  EXPECT_EQ(RoofSeconds(2e9, 1e9, Roofs{}), 0) << "no roof measured, none claimed";
}

TEST(Roofs, InstructionOfEachTier) {
  EXPECT_EQ(PeakOf(Tier::kSimd), PeakInstruction::kFma256);
  EXPECT_EQ(PeakOf(Tier::kAvx512), PeakInstruction::kFma512);
  EXPECT_EQ(PeakOf(Tier::kAvx512Bf16), PeakInstruction::kFma512) << "zeroed halves do the work of one FMA";
  EXPECT_EQ(PeakOf(Tier::kAmx), PeakInstruction::kTdpBf16);
  EXPECT_EQ(PeakOf(Tier::kAvx512Bf16, true), PeakInstruction::kVpdpbusd);
  EXPECT_EQ(PeakOf(Tier::kAmx, true), PeakInstruction::kTdpbsud);
  EXPECT_STREQ(PeakName(PeakInstruction::kVpdpbusd), "VPDPBUSD");
  EXPECT_STREQ(PeakName(PeakInstruction::kTdpbsud), "TDPBSUD");
}

TEST(Roofs, MeasuresEveryTierOfThisMachine) {
  auto team = ThreadTeam::Create(2);
  ASSERT_TRUE(team.ok());
  for (Tier tier : {Tier::kSimd, Tier::kAvx512, Tier::kAmx}) {
    if (!HasTier(HostCpuFeatures(), tier) || (tier == Tier::kAmx && TilesAreEmulated())) continue;
    // Fits a cache: only the arithmetic is looked at.
    auto meter = RoofMeter::Create(**team, tier, std::size_t{8} << 20);
    ASSERT_TRUE(meter.ok()) << meter.status().message();
    const double read = meter->ReadGbS(2);
    EXPECT_GT(read, 0.05) << TierName(tier);
    EXPECT_LT(read, 20000) << TierName(tier);
    for (bool int8 : {false, true}) {
      meter->Use(PeakOf(tier, int8));
      EXPECT_EQ(meter->instruction(), PeakOf(tier, int8));
      const double peak = meter->PeakGflopS(meter->instruction(), 0.005);
      EXPECT_GT(peak, 0.1) << TierName(tier);
      EXPECT_LT(peak, 100000) << TierName(tier);
    }
  }
}

}  // namespace
}  // namespace lacuna
