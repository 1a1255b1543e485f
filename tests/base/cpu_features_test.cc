// Tier decisions for machines nobody here has, and that this machine's own reading is consistent.
#include "base/cpu_features.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace lacuna {
namespace {

CpuFeatures Haswell() {
  CpuFeatures f;
  f.vendor = "GenuineIntel";
  f.family = 6;
  f.model_number = 0x3c;
  f.avx2 = f.fma = f.os_ymm = true;
  return f;
}

CpuFeatures SkylakeServer() {
  CpuFeatures f = Haswell();
  f.avx512f = f.avx512bw = f.avx512dq = f.avx512vl = f.os_zmm = true;
  return f;
}

CpuFeatures IceLake() {
  CpuFeatures f = SkylakeServer();
  f.avx512vbmi = f.avx512vbmi2 = f.avx512vnni = f.avx512vpopcntdq = true;
  return f;
}

CpuFeatures Zen(int family, int model, bool bf16) {
  CpuFeatures f = IceLake();
  f.vendor = "AuthenticAMD";
  f.family = family;
  f.model_number = model;
  f.avx512bf16 = bf16;
  return f;
}

CpuFeatures SapphireRapids() {
  CpuFeatures f = IceLake();
  f.model_number = 0x8f;
  f.avx512bf16 = f.amx_tile = f.amx_bf16 = f.amx_int8 = f.os_tile = f.tile_permission = true;
  return f;
}

TEST(CpuFeatures, TierOfKnownMachines) {
  EXPECT_EQ(DetectTier(CpuFeatures{}), Tier::kRef);
  EXPECT_EQ(DetectTier(Haswell()), Tier::kSimd);
  EXPECT_EQ(DetectTier(SkylakeServer()), Tier::kSimd);  // no VBMI: its AVX-512 is not ours
  EXPECT_EQ(DetectTier(IceLake()), Tier::kAvx512);
  EXPECT_EQ(DetectTier(Zen(0x19, 0x61, true)), Tier::kAvx512Bf16);
  EXPECT_EQ(DetectTier(Zen(0x1a, 0x02, true)), Tier::kAvx512Bf16);
  EXPECT_EQ(DetectTier(SapphireRapids()), Tier::kAmx);
}

TEST(CpuFeatures, EachMissingFeatureLowersTheTier) {
  for (bool CpuFeatures::*feature : {&CpuFeatures::avx512f, &CpuFeatures::avx512bw, &CpuFeatures::avx512dq,
                                     &CpuFeatures::avx512vl, &CpuFeatures::avx512vbmi, &CpuFeatures::avx512vbmi2,
                                     &CpuFeatures::avx512vnni, &CpuFeatures::avx512vpopcntdq, &CpuFeatures::os_zmm}) {
    CpuFeatures f = SapphireRapids();
    f.*feature = false;
    EXPECT_EQ(DetectTier(f), Tier::kSimd);
  }
  for (bool CpuFeatures::*feature : {&CpuFeatures::amx_tile, &CpuFeatures::amx_bf16, &CpuFeatures::amx_int8,
                                     &CpuFeatures::os_tile, &CpuFeatures::tile_permission}) {
    CpuFeatures f = SapphireRapids();
    f.*feature = false;
    EXPECT_EQ(DetectTier(f), Tier::kAvx512Bf16);
    EXPECT_FALSE(HasTier(f, Tier::kAmx));
  }
  for (bool CpuFeatures::*feature : {&CpuFeatures::avx2, &CpuFeatures::fma, &CpuFeatures::os_ymm}) {
    CpuFeatures f = SapphireRapids();
    f.*feature = false;
    EXPECT_EQ(DetectTier(f), Tier::kRef);
    EXPECT_FALSE(ChooseTier(f, "").ok());
  }
}

// The emulator on a machine of the avx512 tier: AMX is there, VDPBF16PS is not.
TEST(CpuFeatures, AmxDoesNotPromiseAvx512Bf16) {
  CpuFeatures f = SapphireRapids();
  f.avx512bf16 = false;
  EXPECT_EQ(DetectTier(f), Tier::kAmx);
  EXPECT_FALSE(HasTier(f, Tier::kAvx512Bf16));
  EXPECT_TRUE(HasTier(f, Tier::kAvx512));
}

TEST(CpuFeatures, CapLowersTheTier) {
  const CpuFeatures f = SapphireRapids();
  EXPECT_EQ(ChooseTier(f, "").value(), Tier::kAmx);
  for (int i = 0; i < kTierCount; ++i) {
    const Tier tier = static_cast<Tier>(i);
    EXPECT_EQ(ChooseTier(f, TierName(tier)).value(), tier);
  }
  EXPECT_EQ(ChooseTier(SkylakeServer(), "simd").value(), Tier::kSimd);
}

TEST(CpuFeatures, CapThatTheMachineLacksNamesTheFeature) {
  const Status amx = ChooseTier(Zen(0x1a, 0x02, true), "amx").status();
  EXPECT_EQ(amx.code(), StatusCode::kInvalidInput);
  EXPECT_NE(amx.message().find("AMX_TILE"), std::string::npos) << amx.message();
  EXPECT_NE(amx.message().find("LACUNA_ISA=amx"), std::string::npos) << amx.message();
  EXPECT_NE(amx.message().find("is avx512bf16"), std::string::npos) << amx.message();

  CpuFeatures no_permission = SapphireRapids();
  no_permission.tile_permission = false;
  EXPECT_NE(ChooseTier(no_permission, "amx").status().message().find("permission"), std::string::npos);
  EXPECT_NE(ChooseTier(IceLake(), "avx512bf16").status().message().find("AVX512_BF16"), std::string::npos);
  const std::string avx512 = ChooseTier(SkylakeServer(), "avx512").status().message();
  EXPECT_NE(avx512.find("AVX512_VBMI2"), std::string::npos) << avx512;
  EXPECT_EQ(avx512.find("AVX512F"), std::string::npos) << avx512;
}

TEST(CpuFeatures, UnknownCapIsAnError) {
  for (const char* cap : {"avx2", "AMX", "amx ", "none", "0"}) {
    const Status status = ChooseTier(SapphireRapids(), cap).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidInput) << cap;
    EXPECT_NE(status.message().find("avx512bf16"), std::string::npos) << status.message();
  }
}

TEST(CpuFeatures, OldMachineIsRefusedEvenForRef) {
  CpuFeatures f = Haswell();
  f.avx2 = false;
  const Status status = ChooseTier(f, "ref").status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
  EXPECT_NE(status.message().find("missing AVX2;"), std::string::npos) << status.message();
}

TEST(CpuFeatures, MachineKinds) {
  EXPECT_EQ(MachineKind(SapphireRapids()), "intel-amx");
  EXPECT_EQ(MachineKind(IceLake()), "intel-avx512");
  EXPECT_EQ(MachineKind(Haswell()), "x86-avx2");
  EXPECT_EQ(MachineKind(CpuFeatures{}), "x86-old");
  EXPECT_EQ(MachineKind(Zen(0x1a, 0x02, true)), "amd-zen5");
  EXPECT_EQ(MachineKind(Zen(0x1a, 0x44, true)), "amd-zen5");
  EXPECT_EQ(MachineKind(Zen(0x1a, 0x52, true)), "x86-avx512");  // after Zen 5
  EXPECT_EQ(MachineKind(Zen(0x19, 0x61, true)), "amd-zen4");
}

TEST(CpuFeatures, ThisMachine) {
  const CpuFeatures& f = HostCpuFeatures();
  std::printf("cpu: %s, %s, family %d model %d stepping %d: %s, %s\n", f.vendor.c_str(), f.model.c_str(), f.family,
              f.model_number, f.stepping, TierName(DetectTier(f)), MachineKind(f).c_str());
  EXPECT_EQ(f.vendor.size(), 12u);
  // The compiler's own reading of CPUID and XCR0 is the second opinion.
  EXPECT_EQ(f.avx2 && f.os_ymm, bool(__builtin_cpu_supports("avx2")));
  EXPECT_EQ(f.avx512vbmi2 && f.os_zmm, bool(__builtin_cpu_supports("avx512vbmi2")));
  EXPECT_EQ(f.avx512vpopcntdq && f.os_zmm, bool(__builtin_cpu_supports("avx512vpopcntdq")));
  EXPECT_FALSE(f.tile_permission && !(f.amx_tile && f.os_tile));
}

TEST(CpuFeatures, TestHookReplacesTheMachine) {
  const CpuFeatures* host = &HostCpuFeatures();
  const CpuFeatures fake = Zen(0x19, 0x11, true);
  SetCpuFeaturesForTest(&fake);
  EXPECT_EQ(&HostCpuFeatures(), &fake);
  SetCpuFeaturesForTest(nullptr);
  EXPECT_EQ(&HostCpuFeatures(), host);
}

}  // namespace
}  // namespace lacuna
