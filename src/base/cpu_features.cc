#include "base/cpu_features.h"

#include <cpuid.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <span>

#include "base/tile_permission.h"

namespace lacuna {
namespace {

struct Need {
  const char* name;
  bool CpuFeatures::*has;
};

constexpr Need kNeedSimd[] = {{"AVX2", &CpuFeatures::avx2},
                              {"FMA", &CpuFeatures::fma},
                              {"YMM state enabled by the system", &CpuFeatures::os_ymm}};
constexpr Need kNeedAvx512[] = {{"AVX512F", &CpuFeatures::avx512f},
                                {"AVX512BW", &CpuFeatures::avx512bw},
                                {"AVX512DQ", &CpuFeatures::avx512dq},
                                {"AVX512VL", &CpuFeatures::avx512vl},
                                {"AVX512_VBMI", &CpuFeatures::avx512vbmi},
                                {"AVX512_VBMI2", &CpuFeatures::avx512vbmi2},
                                {"AVX512_VNNI", &CpuFeatures::avx512vnni},
                                {"AVX512_VPOPCNTDQ", &CpuFeatures::avx512vpopcntdq},
                                {"ZMM state enabled by the system", &CpuFeatures::os_zmm}};
constexpr Need kNeedBf16[] = {{"AVX512_BF16", &CpuFeatures::avx512bf16}};
constexpr Need kNeedAmx[] = {{"AMX_TILE", &CpuFeatures::amx_tile},
                             {"AMX_BF16", &CpuFeatures::amx_bf16},
                             {"AMX_INT8", &CpuFeatures::amx_int8},
                             {"tile state enabled by the system", &CpuFeatures::os_tile},
                             {"the kernel's permission for tile data", &CpuFeatures::tile_permission}};

// Calls f(name) for what a tier needs and the features lack. Allocates nothing: kernels are chosen in every pass.
template <typename F>
void ForMissing(const CpuFeatures& features, Tier tier, F f) {
  const auto each = [&](std::span<const Need> needs) {
    for (const Need& need : needs) {
      if (!(features.*need.has)) f(need.name);
    }
  };
  each(kNeedSimd);
  if (tier >= Tier::kAvx512) each(kNeedAvx512);
  if (tier == Tier::kAvx512Bf16) each(kNeedBf16);
  if (tier == Tier::kAmx) each(kNeedAmx);
}

struct Registers {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers Cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return {};
  return r;
}

bool Bit(uint64_t word, int bit) { return (word >> bit) & 1; }

// XGETBV as an instruction of its own: the intrinsic would need a compile flag beyond the baseline.
uint64_t Xcr0() {
  unsigned low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

std::string BrandString() {
  if (Cpuid(0x80000000).eax < 0x80000004) return "";
  char text[49] = {};
  for (unsigned i = 0; i < 3; ++i) {
    const Registers r = Cpuid(0x80000002 + i);
    std::memcpy(text + 16 * i, &r, 16);
  }
  const std::string brand = text;
  const size_t first = brand.find_first_not_of(' ');
  return first == std::string::npos ? "" : brand.substr(first, brand.find_last_not_of(' ') - first + 1);
}

std::atomic<const CpuFeatures*> g_test_features{nullptr};

}  // namespace

CpuFeatures ReadCpuFeatures() {
  CpuFeatures f;
  const Registers r0 = Cpuid(0), r1 = Cpuid(1), r7 = Cpuid(7);
  char vendor[13] = {};
  std::memcpy(vendor, &r0.ebx, 4);
  std::memcpy(vendor + 4, &r0.edx, 4);
  std::memcpy(vendor + 8, &r0.ecx, 4);
  f.vendor = vendor;
  f.model = BrandString();
  const int family = (r1.eax >> 8) & 15, model = (r1.eax >> 4) & 15;
  f.family = family == 15 ? family + ((r1.eax >> 20) & 255) : family;
  f.model_number = family == 6 || family == 15 ? model + (((r1.eax >> 16) & 15) << 4) : model;
  f.stepping = r1.eax & 15;

  f.fma = Bit(r1.ecx, 12);
  f.avx2 = Bit(r7.ebx, 5);
  f.avx512f = Bit(r7.ebx, 16);
  f.avx512dq = Bit(r7.ebx, 17);
  f.avx512bw = Bit(r7.ebx, 30);
  f.avx512vl = Bit(r7.ebx, 31);
  f.avx512vbmi = Bit(r7.ecx, 1);
  f.avx512vbmi2 = Bit(r7.ecx, 6);
  f.avx512vnni = Bit(r7.ecx, 11);
  f.avx512vpopcntdq = Bit(r7.ecx, 14);
  f.amx_bf16 = Bit(r7.edx, 22);
  f.amx_tile = Bit(r7.edx, 24);
  f.amx_int8 = Bit(r7.edx, 25);
  f.avx512bf16 = r7.eax >= 1 && Bit(Cpuid(7, 1).eax, 5);

  if (Bit(r1.ecx, 27)) {  // OSXSAVE: XGETBV exists
    const uint64_t xcr0 = Xcr0();
    const auto all = [xcr0](uint64_t bits) { return (xcr0 & bits) == bits; };
    f.os_ymm = all(0x06);
    f.os_zmm = all(0xe6);
    f.os_tile = all(0x60000);
  }
  f.tile_permission = RequestTilePermission();
  // Only in tests: the emulator runs what the processor lacks.
  if (TilesAreEmulated()) f.amx_tile = f.amx_bf16 = f.amx_int8 = f.os_tile = true;
  return f;
}

const CpuFeatures& HostCpuFeatures() {
  static const CpuFeatures* const host =
      new CpuFeatures(ReadCpuFeatures());  // never destroyed: threads may outlive main
  const CpuFeatures* test = g_test_features.load(std::memory_order_acquire);
  return test ? *test : *host;
}

void SetCpuFeaturesForTest(const CpuFeatures* features) { g_test_features.store(features, std::memory_order_release); }

const char* TierName(Tier tier) {
  static constexpr const char* kNames[kTierCount] = {"ref", "simd", "avx512", "avx512bf16", "amx"};
  return kNames[static_cast<int>(tier)];
}

std::string MissingForTier(const CpuFeatures& features, Tier tier) {
  std::string missing;
  ForMissing(features, tier, [&](const char* name) { missing += (missing.empty() ? "" : ", ") + std::string(name); });
  return missing;
}

bool HasTier(const CpuFeatures& features, Tier tier) {
  bool has = true;
  ForMissing(features, tier, [&](const char*) { has = false; });
  return has;
}

Tier DetectTier(const CpuFeatures& features) {
  for (Tier tier : {Tier::kAmx, Tier::kAvx512Bf16, Tier::kAvx512, Tier::kSimd}) {
    if (HasTier(features, tier)) return tier;
  }
  return Tier::kRef;
}

Result<Tier> ChooseTier(const CpuFeatures& features, std::string_view cap) {
  if (const std::string missing = MissingForTier(features, Tier::kRef); !missing.empty()) {
    return InvalidInput("this processor cannot run lacuna: missing " + missing +
                        "; an x86-64 processor with AVX2 and FMA is needed (Intel Haswell, AMD Zen, or later)");
  }
  if (cap.empty()) return DetectTier(features);
  for (int i = 0; i < kTierCount; ++i) {
    const Tier tier = static_cast<Tier>(i);
    if (cap != TierName(tier)) continue;
    if (const std::string missing = MissingForTier(features, tier); !missing.empty()) {
      return InvalidInput("LACUNA_ISA=" + std::string(cap) + ": this machine lacks " + missing +
                          "; the highest tier it has is " + TierName(DetectTier(features)));
    }
    return tier;
  }
  return InvalidInput("LACUNA_ISA=" + std::string(cap) +
                      " is not an instruction set: use ref, simd, avx512, avx512bf16 or amx, or leave it unset");
}

Result<Tier> HostTier() {
  const char* cap = std::getenv("LACUNA_ISA");
  return ChooseTier(HostCpuFeatures(), cap ? cap : "");
}

std::string MachineKind(const CpuFeatures& features) {
  const Tier tier = DetectTier(features);
  if (tier < Tier::kSimd) return "x86-old";
  if (tier == Tier::kSimd) return "x86-avx2";
  if (features.vendor == "GenuineIntel") return tier == Tier::kAmx ? "intel-amx" : "intel-avx512";
  if (features.vendor == "AuthenticAMD") {
    // Family 1Ah is Zen 5 but for the models that later generations took; family 19h with AVX-512 is Zen 4.
    const int m = features.model_number;
    if (features.family == 0x1a && (m < 0x50 || (m >= 0x60 && m < 0x80))) return "amd-zen5";
    if (features.family == 0x19) return "amd-zen4";
  }
  return "x86-avx512";
}

}  // namespace lacuna
