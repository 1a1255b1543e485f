// Builds a packed weight panel by panel from values, whoever made them: rounding (weights/pack.h), a random generator,
// an importer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/function_ref.h"
#include "weights/packed_weight.h"

namespace lacuna {

inline constexpr int32_t kGap = -1;

// One panel: what to store. Padding is the filler's too: channels from N on and k from K on (kernels/README.md).
struct PanelValues {
  std::vector<int32_t> stored;  // [16 channels][k_padded]: bf16 bits, a biased byte, a code; kGap only in bitmaps
  std::vector<float> scales;    // [group][16]; stored in F16 or E4M3 where the codec does so, to nearest
  std::vector<uint8_t> zeros;   // [group][16]
};

struct BuildOptions {
  std::array<std::byte, 32> codebook{};   // 16 biased bytes, 32 of razer, or 16 bf16 of nf4 and nvfp4
  std::span<const int32_t> in_perm = {};  // a permutation of K
};

// Calls fill(panel, values) for all panels, each once, on the threads of the caller's oneTBB arena; stored is all kGap
// before. The first error in order of panels is returned. An N:M pattern that the values do not keep is kInvalidInput.
Result<PackedWeight> BuildPacked(const std::string& name, int64_t n, int64_t k, const Codec& codec,
                                 const BuildOptions& options, FunctionRef<Status(int panel, PanelValues& values)> fill);

}  // namespace lacuna
