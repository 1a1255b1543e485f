// What the processor can do, read once, and the tier of kernels that follows from it. Everything but
// HostCpuFeatures() is a pure function of a CpuFeatures value, so that tests decide for machines nobody has.
//
//   tier         needs
//   ref          AVX2, FMA (the scalar kernels are compiled with both; without them nothing here runs)
//   simd         the same
//   avx512       + AVX512 F, BW, DQ, VL, VBMI, VBMI2, VNNI, VPOPCNTDQ   (Ice Lake, Zen 4 and later)
//   avx512bf16   + AVX512_BF16
//   amx          avx512 + AMX TILE, BF16, INT8 and the kernel's permission for tile data
//
// Tiers are ordered for the cap of LACUNA_ISA. amx alone does not promise avx512bf16 (a machine of the avx512 tier
// under the tests' emulator has only the former): a kernel of tier T may run when `T <= tier && HasTier(features, T)`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

enum class Tier { kRef = 0, kSimd, kAvx512, kAvx512Bf16, kAmx };
inline constexpr int kTierCount = 5;

struct CpuFeatures {
  std::string vendor;  // "GenuineIntel", "AuthenticAMD", ...
  std::string model;   // the brand string, "" when the processor has none
  int family = 0;      // as displayed: with the extended parts added
  int model_number = 0;
  int stepping = 0;

  bool avx2 = false, fma = false;
  bool avx512f = false, avx512bw = false, avx512dq = false, avx512vl = false;
  bool avx512vbmi = false, avx512vbmi2 = false, avx512vnni = false, avx512vpopcntdq = false;
  bool avx512bf16 = false;
  bool amx_tile = false, amx_bf16 = false, amx_int8 = false;

  bool os_ymm = false;           // XCR0: the system saves XMM and YMM
  bool os_zmm = false;           // XCR0: ... masks and ZMM
  bool os_tile = false;          // XCR0: ... tile configuration and data
  bool tile_permission = false;  // the kernel lets this process use tile data
};

// CPUID, XCR0 and, where there are tiles, the request for them (which grants it to the whole process). Uncached.
CpuFeatures ReadCpuFeatures();

// The features of this machine, read at the first call; or what SetCpuFeaturesForTest installed.
const CpuFeatures& HostCpuFeatures();

// Tests only: from here on HostCpuFeatures() returns *features, which must outlive its use; nullptr restores the
// machine's own. (The AMX emulator is seen without it, if installed before the first call: base/tile_permission.h.)
void SetCpuFeaturesForTest(const CpuFeatures* features);

// "ref", "simd", "avx512", "avx512bf16", "amx".
const char* TierName(Tier tier);

// Whether the machine has everything `tier` needs; MissingForTier lists what it lacks ("AVX512_VBMI2, AMX_TILE"), or
// is empty.
bool HasTier(const CpuFeatures& features, Tier tier);
std::string MissingForTier(const CpuFeatures& features, Tier tier);

// The highest tier the machine has; kRef also where AVX2 or FMA is missing, so ask ChooseTier before running.
Tier DetectTier(const CpuFeatures& features);

// The tier to run: the highest, or the one that `cap` names ("" for none; the value of LACUNA_ISA). kInvalidInput when
// the machine lacks AVX2 or FMA, when the name is unknown, or when the machine lacks that tier, with what is missing.
Result<Tier> ChooseTier(const CpuFeatures& features, std::string_view cap);

// ChooseTier for this machine and the environment variable LACUNA_ISA.
Result<Tier> HostTier();

// The kind under which benchmark results are filed: "intel-amx", "intel-avx512", "amd-zen5", "amd-zen4",
// "x86-avx512", "x86-avx2", "x86-old".
std::string MachineKind(const CpuFeatures& features);

}  // namespace lacuna
