// Products in float32 as compressing a 1 B model has them, and the values that every engine multiplies.
#pragma once

#include <cstdint>

namespace lacuna::bench {

inline constexpr int64_t kHessianSizes[] = {2048, 8192};  // inputs of its layers
inline constexpr int64_t kHessianTokens = 2048;           // of a sequence
inline constexpr int64_t kGemmChannels = 128;             // that a thread solves side by side

// In [-1, 1), with 24 bits: by index alone.
inline float OperandAt(uint64_t seed, int64_t index) {
  uint64_t h = (seed << 40) + static_cast<uint64_t>(index);
  h *= 0x9e3779b97f4a7c15u;
  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9u;
  return static_cast<float>(static_cast<int64_t>(h >> 39) - (int64_t{1} << 24)) / static_cast<float>(1 << 24);
}

}  // namespace lacuna::bench
