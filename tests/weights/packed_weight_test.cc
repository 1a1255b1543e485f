#include "weights/packed_weight.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/linear.h"
#include "tests/support/data.h"
#include "tests/support/guard.h"
#include "weights/convert.h"

namespace lacuna {
namespace {

using testing::Guarded;
using testing::GuardSide;
using testing::Random;

struct Source {
  std::vector<std::byte> bytes;
  std::vector<float> exact;
  SourceMatrix matrix;
};

// Random finite values of the type, rows `stride` elements apart, at an odd address.
Source MakeSource(ElementType type, int n, int k, int stride, Random& random) {
  Source s;
  const std::size_t element = ElementBytes(type);
  s.bytes.resize(1 + static_cast<std::size_t>(n) * stride * element);
  for (int i = 0; i < n * stride; ++i) {
    uint32_t bits = FloatBits(testing::UniformIn(random, -2, 2));
    if (type == ElementType::kF16) bits = static_cast<uint32_t>(random() & 0xbfff);  // exponent below 31
    if (type == ElementType::kBf16) bits >>= 16;
    std::memcpy(s.bytes.data() + 1 + i * element, &bits, element);
  }
  s.exact.resize(static_cast<std::size_t>(n) * k);
  for (int row = 0; row < n; ++row) {
    ConvertToFloat(s.bytes.data() + 1 + row * stride * element, type, k, s.exact.data() + row * k);
  }
  s.matrix = {.name = "w", .data = s.bytes.data() + 1, .type = type, .n = n, .k = k, .row_stride = stride};
  return s;
}

TEST(PackLinear, LayoutOfEveryTypeAndTail) {
  Random random(testing::TestSeed(51));
  for (ElementType type : {ElementType::kF32, ElementType::kF16, ElementType::kBf16}) {
    for (int n : {1, 15, 16, 17, 40}) {
      for (int k : {1, 2, 31, 32, 33, 64, 70, 100}) {
        const Source source = MakeSource(type, n, k, k + n % 3, random);
        const auto packed = PackLinear(source.matrix, Codec::kBf16);
        ASSERT_TRUE(packed.ok()) << packed.status().message();
        const std::vector<bf16> want = testing::PackPanels(testing::ToBf16s(source.exact), n, k);
        ASSERT_EQ(packed->data.size(), want.size() * sizeof(bf16));
        EXPECT_EQ(std::memcmp(packed->Bf16(), want.data(), want.size() * sizeof(bf16)), 0) << n << " x " << k;
        EXPECT_EQ(packed->k_padded, (k + 31) / 32 * 32);

        const auto wide = PackLinear(source.matrix, Codec::kF32);
        ASSERT_TRUE(wide.ok()) << wide.status().message();
        const std::vector<float> floats = testing::PackPanels(source.exact, n, k);
        ASSERT_EQ(wide->data.size(), floats.size() * sizeof(float));
        EXPECT_EQ(std::memcmp(wide->F32(), floats.data(), floats.size() * sizeof(float)), 0) << n << " x " << k;
        EXPECT_EQ(wide->k_padded, k);
      }
    }
  }
}

TEST(PackPanels, RangesTogetherGiveTheWhole) {
  Random random(testing::TestSeed(52));
  const Source source = MakeSource(ElementType::kF16, 100, 77, 77, random);
  PackStats whole_stats, stats;
  const auto whole = PackLinear(source.matrix, Codec::kBf16, &whole_stats);
  ASSERT_TRUE(whole.ok());
  auto parts = AllocatePacked(source.matrix, Codec::kBf16);
  ASSERT_TRUE(parts.ok());
  for (int panel : {6, 0, 3, 1, 5, 2, 4}) {
    ASSERT_TRUE(PackPanels(source.matrix, panel, panel + 1, &*parts, &stats).ok());
  }
  EXPECT_EQ(std::memcmp(parts->Bf16(), whole->Bf16(), whole->data.size()), 0);
  EXPECT_EQ(whole_stats.f16_values, 7700);
  EXPECT_EQ(stats.f16_values, 7700);
  EXPECT_EQ(stats.f16_rounded, whole_stats.f16_rounded);
  EXPECT_GT(stats.f16_rounded, 0);
}

TEST(PackLinear, ReadsOnlyTheSource) {
  Random random(testing::TestSeed(53));
  Guarded<std::byte> guard(40 * 100 * 4);
  for (ElementType type : {ElementType::kF32, ElementType::kF16, ElementType::kBf16}) {
    for (int k = 1; k <= 100; k += 9) {
      const Source source = MakeSource(type, 35, k, k, random);
      for (GuardSide side : {GuardSide::kBefore, GuardSide::kAfter}) {
        SourceMatrix matrix = source.matrix;
        matrix.data = guard.Copy(std::span(source.bytes).subspan(1), side).data();
        for (Codec codec : {Codec::kBf16, Codec::kF32}) EXPECT_TRUE(PackLinear(matrix, codec).ok());
      }
    }
  }
}

TEST(PackLinear, BadValuesAreNamed) {
  Random random(testing::TestSeed(54));
  Source source = MakeSource(ElementType::kF32, 20, 50, 50, random);
  source.matrix.name = "model.layers.3.mlp.up_proj.weight";
  const auto put = [&source](int row, int column, float value) {
    std::memcpy(source.bytes.data() + 1 + (row * 50 + column) * 4, &value, 4);
  };
  const auto message = [&source](Codec codec) {
    const auto packed = PackLinear(source.matrix, codec);
    EXPECT_EQ(packed.status().code(), packed.ok() ? StatusCode::kOk : StatusCode::kInvalidInput);
    return packed.status().message();
  };
  put(17, 33, std::numeric_limits<float>::quiet_NaN());
  for (Codec codec : {Codec::kBf16, Codec::kF32}) {
    EXPECT_NE(message(codec).find("model.layers.3.mlp.up_proj.weight[17][33] is NaN"), std::string::npos);
  }
  put(17, 33, -std::numeric_limits<float>::infinity());
  EXPECT_NE(message(Codec::kF32).find("[17][33] is infinite"), std::string::npos);
  put(17, 33, std::numeric_limits<float>::max());
  EXPECT_NE(message(Codec::kBf16).find("[17][33] is 3.40282e+38"), std::string::npos);
  EXPECT_EQ(message(Codec::kF32), "");
  put(17, 33, 3.38953e38f);
  EXPECT_EQ(message(Codec::kBf16), "");
}

TEST(PackLinear, BadShapesAreErrors) {
  const float value = 1;
  SourceMatrix matrix{.name = "w", .data = reinterpret_cast<const std::byte*>(&value), .n = 0, .k = 5};
  EXPECT_EQ(PackLinear(matrix, Codec::kBf16).status().code(), StatusCode::kInvalidInput);
  matrix.n = int64_t{1} << 40;
  EXPECT_EQ(PackLinear(matrix, Codec::kBf16).status().code(), StatusCode::kInvalidInput);
  matrix.n = 1, matrix.k = 1, matrix.data = nullptr;
  EXPECT_FALSE(PackLinear(matrix, Codec::kBf16).ok());
}

TEST(PackedWeight, SegmentsByTheContract) {
  EXPECT_EQ(SegmentOf(1), 1024);
  EXPECT_EQ(SegmentOf(1024), 1024);
  EXPECT_EQ(SegmentOf(1025), 0);
  Random random(testing::TestSeed(55));
  const Source source = MakeSource(ElementType::kBf16, 16, 64, 64, random);
  EXPECT_EQ(PackLinear(source.matrix, Codec::kBf16)->k_segment, 1024);
  EXPECT_EQ(PackLinear(source.matrix, Codec::kF32)->k_segment, 0);
}

}  // namespace
}  // namespace lacuna
