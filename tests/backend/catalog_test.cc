// Selection is pinned for machines nobody here has, and the reasons a kernel declines are said.
#include "backend/cpu/catalog.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace lacuna {
namespace {

CpuFeatures Haswell() {
  CpuFeatures f;
  f.vendor = "GenuineIntel";
  f.avx2 = f.fma = f.os_ymm = true;
  return f;
}
CpuFeatures IceLake() {
  CpuFeatures f = Haswell();
  f.avx512f = f.avx512bw = f.avx512dq = f.avx512vl = f.os_zmm = true;
  f.avx512vbmi = f.avx512vbmi2 = f.avx512vnni = f.avx512vpopcntdq = true;
  return f;
}
CpuFeatures SapphireRapids() {
  CpuFeatures f = IceLake();
  f.avx512bf16 = f.amx_tile = f.amx_bf16 = f.amx_int8 = f.os_tile = f.tile_permission = true;
  return f;
}
CpuFeatures Zen5() {
  CpuFeatures f = IceLake();
  f.vendor = "AuthenticAMD";
  f.avx512bf16 = true;
  return f;
}

std::string Chosen(const CpuFeatures& features, Tier cap, int m) {
  return Select(LinearBf16Kernels(), m, TargetFor(features, cap)).name;
}
std::string ChosenAttention(const CpuFeatures& features, Tier cap, int queries) {
  return Select(AttentionBf16Kernels(), queries, TargetFor(features, cap)).name;
}

TEST(Catalog, LinearOnEachMachine) {
  EXPECT_EQ(Chosen(Haswell(), Tier::kAmx, 1), "simd_linear_bf16");
  EXPECT_EQ(Chosen(Haswell(), Tier::kAmx, 512), "simd_linear_bf16");
  EXPECT_EQ(Chosen(IceLake(), Tier::kAmx, 1), "avx512_linear_bf16_rows");
  EXPECT_EQ(Chosen(IceLake(), Tier::kAmx, 8), "avx512_linear_bf16_rows");
  EXPECT_EQ(Chosen(IceLake(), Tier::kAmx, 9), "avx512_linear_bf16_block");
  EXPECT_EQ(Chosen(Zen5(), Tier::kAmx, 1), "avx512bf16_linear_bf16_rows");
  EXPECT_EQ(Chosen(Zen5(), Tier::kAmx, 512), "avx512bf16_linear_bf16_block");
  EXPECT_EQ(Chosen(SapphireRapids(), Tier::kAmx, 1), "avx512_linear_bf16_rows");
  EXPECT_EQ(Chosen(SapphireRapids(), Tier::kAmx, 16), "amx_linear_bf16_few");
  EXPECT_EQ(Chosen(SapphireRapids(), Tier::kAmx, 17), "amx_linear_bf16_block");
  EXPECT_EQ(Chosen(SapphireRapids(), Tier::kAmx, 100000), "amx_linear_bf16_block");
}

std::string ChosenPacked(const CpuFeatures& features, PackedKind kind, int m) {
  return Select(LinearPackedKernels(kind), m, TargetFor(features, Tier::kAmx)).name;
}

TEST(Catalog, PackedLinearOnEachMachine) {
  using kernels::PackedValues;
  const PackedKind int8{PackedValues::kInt8, false, true}, bitmap_code4{PackedValues::kCode4, true, true},
      bitmap_bf16{PackedValues::kBf16, true, false}, code4_bf16{PackedValues::kCode4, false, false};
  EXPECT_EQ(ChosenPacked(Haswell(), int8, 1), "simd_linear_int8");
  EXPECT_EQ(ChosenPacked(IceLake(), int8, 8), "avx512_linear_int8_rows");
  EXPECT_EQ(ChosenPacked(IceLake(), int8, 9), "avx512_linear_int8_block");
  EXPECT_EQ(ChosenPacked(Zen5(), int8, 1), "avx512_linear_int8_stream");
  EXPECT_EQ(ChosenPacked(Zen5(), bitmap_code4, 8), "avx512_linear_bitmap_code4_stream");
  EXPECT_EQ(ChosenPacked(Zen5(), bitmap_code4, 512), "avx512_linear_bitmap_code4_block");
  EXPECT_EQ(ChosenPacked(Zen5(), bitmap_bf16, 1), "avx512bf16_linear_bitmap_bf16_rows");
  EXPECT_EQ(ChosenPacked(Zen5(), bitmap_bf16, 9), "avx512_linear_bitmap_bf16_block");
  EXPECT_EQ(ChosenPacked(Zen5(), code4_bf16, 1), "avx512_linear_code4_bf16_block");
  EXPECT_EQ(ChosenPacked(SapphireRapids(), int8, 4), "avx512_linear_int8_rows");
  EXPECT_EQ(ChosenPacked(SapphireRapids(), int8, 5), "amx_linear_int8_few");
  EXPECT_EQ(ChosenPacked(SapphireRapids(), bitmap_code4, 17), "amx_linear_bitmap_code4_block");
  EXPECT_EQ(ChosenPacked(SapphireRapids(), bitmap_bf16, 16), "amx_linear_bitmap_bf16_few");
  EXPECT_EQ(ChosenPacked(SapphireRapids(), code4_bf16, 1), "amx_linear_code4_bf16_block");
}

// An entry of the table moves its own kernel, and one kernel has it.
TEST(Catalog, CrossoversAreOneKernelsEach) {
  std::set<Crossover> seen;
  const auto check = [&](const auto& kernels) {
    for (const auto& kernel : kernels) {
      if (kernel.from != Crossover::kAlways) {
        EXPECT_TRUE(seen.insert(kernel.from).second) << kernel.name;
      }
    }
  };
  check(LinearBf16Kernels());
  check(LinearPackedKernels());
  EXPECT_EQ(seen.size(), std::size_t{kCrossovers} - 1);
  KernelTarget target = TargetFor(SapphireRapids(), Tier::kAmx);
  target.costs.from[static_cast<int>(Crossover::kAmxCode4Few)] = 2;
  const PackedKind code4{kernels::PackedValues::kCode4, false, true}, int8{kernels::PackedValues::kInt8, false, true};
  EXPECT_STREQ(Select(LinearPackedKernels(code4), 2, target).name, "amx_linear_code4_few");
  EXPECT_STREQ(Select(LinearPackedKernels(int8), 2, target).name, "avx512_linear_int8_rows");
}

// One head or a whole group: pages cost more than the dots, so the number of queries changes nothing.
TEST(Catalog, AttentionOnEachMachine) {
  for (int queries : {1, 4, 8, int{kernels::kMaxQueries}}) {
    EXPECT_EQ(ChosenAttention(Haswell(), Tier::kAmx, queries), "simd_attention_bf16");
    EXPECT_EQ(ChosenAttention(IceLake(), Tier::kAmx, queries), "avx512_attention_bf16");
    EXPECT_EQ(ChosenAttention(Zen5(), Tier::kAmx, queries), "avx512_attention_bf16");
    EXPECT_EQ(ChosenAttention(SapphireRapids(), Tier::kAmx, queries), "amx_attention_bf16");
  }
  EXPECT_EQ(ChosenAttention(SapphireRapids(), Tier::kAmx, kernels::kMaxQueries + 1), "ref_attention_bf16")
      << "more queries than the others' scratch has room for";
}

TEST(Catalog, AttentionStaysUnderTheCap) {
  EXPECT_EQ(ChosenAttention(SapphireRapids(), Tier::kRef, 4), "ref_attention_bf16");
  EXPECT_EQ(ChosenAttention(SapphireRapids(), Tier::kSimd, 4), "simd_attention_bf16");
  EXPECT_EQ(ChosenAttention(SapphireRapids(), Tier::kAvx512, 4), "avx512_attention_bf16");
  EXPECT_EQ(ChosenAttention(SapphireRapids(), Tier::kAvx512Bf16, 4), "avx512_attention_bf16");
  CpuFeatures refused = SapphireRapids();
  refused.tile_permission = false;
  EXPECT_EQ(ChosenAttention(refused, Tier::kAmx, 4), "avx512_attention_bf16");
}

TEST(Catalog, TheCapHolds) {
  EXPECT_EQ(Chosen(SapphireRapids(), Tier::kRef, 1), "ref_linear_bf16");
  EXPECT_EQ(Chosen(SapphireRapids(), Tier::kSimd, 512), "simd_linear_bf16");
  for (int m = 1; m < 600; ++m) {
    EXPECT_EQ(Chosen(SapphireRapids(), Tier::kAvx512, m).substr(0, 7), "avx512_");
    EXPECT_EQ(Chosen(Zen5(), Tier::kAvx512, m).substr(0, 7), "avx512_");
  }
}

// Without AVX512_BF16 but with tiles, as under the emulator: a tier's name alone does not promise the tier below it.
TEST(Catalog, AmxDoesNotPromiseBf16Dots) {
  CpuFeatures f = Zen5();
  f.avx512bf16 = false;
  f.amx_tile = f.amx_bf16 = f.amx_int8 = f.os_tile = f.tile_permission = true;
  EXPECT_EQ(Chosen(f, Tier::kAmx, 1), "avx512_linear_bf16_rows");
  EXPECT_EQ(Chosen(f, Tier::kAmx, 64), "amx_linear_bf16_block");
}

TEST(Catalog, CostsDecideAmongKernelsThatCan) {
  KernelTarget target = TargetFor(SapphireRapids(), Tier::kAmx);
  target.costs.from[static_cast<int>(Crossover::kAmxFew)] = 5;
  EXPECT_STREQ(Select(LinearBf16Kernels(), 4, target).name, "avx512_linear_bf16_rows");
  EXPECT_STREQ(Select(LinearBf16Kernels(), 5, target).name, "amx_linear_bf16_few");
  target.costs.from[static_cast<int>(Crossover::kAvx512Bf16Rows)] = 1;
  EXPECT_STREQ(Select(LinearBf16Kernels(), 4, target).name, "avx512bf16_linear_bf16_rows");
}

TEST(Catalog, DecliningHasAReason) {
  auto why = [](const CpuFeatures& features, Tier cap, Tier tier, int min_m, int max_m, Crossover from, int m) {
    const KernelTarget target = TargetFor(features, cap);
    return DeclineText(Declines(tier, min_m, max_m, from, m, target), tier, min_m, max_m, from, target);
  };
  EXPECT_EQ(why(Haswell(), Tier::kAmx, Tier::kAvx512, 1, 8, Crossover::kAlways, 1).substr(0, 6), "needs ");
  EXPECT_EQ(why(SapphireRapids(), Tier::kAvx512, Tier::kAmx, 1, 8, Crossover::kAlways, 1),
            "is of tier amx, above the cap avx512");
  EXPECT_EQ(why(IceLake(), Tier::kAmx, Tier::kAvx512, 1, 8, Crossover::kAlways, 9), "is for 1 to 8 rows");
  EXPECT_EQ(why(IceLake(), Tier::kAmx, Tier::kAvx512, 1, 99, Crossover::kAvx512Block, 8), "is slower below 9 rows");
  EXPECT_EQ(why(SapphireRapids(), Tier::kAmx, Tier::kAvx512Bf16, 1, 8, Crossover::kAvx512Bf16Rows, 1),
            "is slower on this processor");
  EXPECT_EQ(why(Zen5(), Tier::kAmx, Tier::kAvx512Bf16, 1, 8, Crossover::kAvx512Bf16Rows, 1), "");
}

TEST(Catalog, NamesSayTheTierAndAreUnique) {
  std::set<std::string> names;
  const auto check = [&names](const auto& rows, const char* op) {
    for (const auto& kernel : rows) {
      EXPECT_TRUE(std::string_view(kernel.name).starts_with(std::string(TierName(kernel.tier)) + op)) << kernel.name;
      EXPECT_TRUE(names.insert(kernel.name).second) << kernel.name;
    }
  };
  check(LinearBf16Kernels(), "_linear_bf16");
  check(LinearPackedKernels(), "_linear_");
  check(AttentionBf16Kernels(), "_attention_bf16");
}

TEST(Catalog, CountersAreReadByName) {
  ResetKernelCounts();
  EXPECT_TRUE(ReadKernelCounts().empty());
  LinearBf16Kernels()[1].counter->Add(640);
  LinearBf16Kernels()[1].counter->Add(64);
  const std::vector<KernelCount> counts = ReadKernelCounts();
  ASSERT_EQ(counts.size(), 1u);
  EXPECT_EQ(counts[0].name, LinearBf16Kernels()[1].name);
  EXPECT_EQ(counts[0].calls, 2u);
  EXPECT_EQ(counts[0].bytes, 704u);
  ResetKernelCounts();
}

}  // namespace
}  // namespace lacuna
