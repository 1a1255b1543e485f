// The sizes of a linear op's buffers.
#include "ops/linear_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace lacuna {
namespace {

TEST(BlockStride, KeepsRowsApartInTheCache) {
  for (int panels = 1; panels <= kMaxUnitPanels; ++panels) {
    const int floats = BlockStride(panels);
    ASSERT_EQ(floats % 16, 0) << panels;
    const int lines = floats / 16;
    EXPECT_GE(lines, panels) << "a row holds its panels";
    EXPECT_LE(lines, panels + 6) << "little memory is lost";
    EXPECT_EQ(lines % 2, 1) << panels << ": rows an even number of lines apart share sets of the cache";
    if (lines > 32) {
      EXPECT_NE(lines % 64, 1) << panels << ": a line more than a page";
      EXPECT_NE(lines % 64, 63) << panels << ": a line less than a page";
    }
  }
}

TEST(BlockBytes, HoldABlockOfAnyUnit) {
  for (int64_t rows : {1, 31, 32, 33, 512, kMaxBlockRows, 10000}) {
    const int64_t block = std::min<int64_t>(rows, kMaxBlockRows);
    for (int panels = 1; panels <= kMaxUnitPanels / 2; ++panels)
      EXPECT_GE(BlockBytes(rows), static_cast<std::size_t>(block * 2 * BlockStride(panels)) * sizeof(float)) << panels;
    EXPECT_GE(BlockBytes(rows), static_cast<std::size_t>(block * BlockStride(kMaxUnitPanels)) * sizeof(float));
  }
}

TEST(UnitPanels, CoverEveryPanelWithinABuffer) {
  for (int members : {1, 2})
    for (int workers : {1, 2, 3, 16})
      for (int64_t rows : {1, 32, 33, 512})
        for (int64_t panels : {1, 2, 7, 64, 65, 500, 8016}) {
          const int unit = UnitPanels(rows, panels, members, workers);
          EXPECT_GE(unit, 1);
          EXPECT_LE(unit * members, kMaxUnitPanels);
          if (rows > kFewRows) EXPECT_EQ(unit % 2, 0) << "tiles take panels in pairs";
        }
}

}  // namespace
}  // namespace lacuna
