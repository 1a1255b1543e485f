// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): random numbers
// as a pure function of a key and a counter. There is no state to carry, so what a seed gives depends neither on batch
// mates nor on threads nor on how often something else drew.
//
//   key      seed low, seed high
//   counter  position low, position high (24 bits) | purpose (8 bits) << 24, request low, request high
#pragma once

#include <array>
#include <cstdint>

namespace lacuna {

// What a number is for: numbers of different purposes at one position are independent.
enum class RandomPurpose : uint8_t { kSample = 0, kXtc = 1 };

inline std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53} * counter[0], b = uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(b),
               static_cast<uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(a)};
    key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
  }
  return counter;
}

// Four random words; 0 <= position < 2^56.
inline std::array<uint32_t, 4> RandomWords(uint64_t seed, uint64_t request, int64_t position, RandomPurpose purpose) {
  const uint64_t p = static_cast<uint64_t>(position) & 0xffffffffffffff;
  return Philox4x32(
      {static_cast<uint32_t>(p), static_cast<uint32_t>(p >> 32) | uint32_t{static_cast<uint8_t>(purpose)} << 24,
       static_cast<uint32_t>(request), static_cast<uint32_t>(request >> 32)},
      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
}

// The upper 24 bits of a word as a multiple of 2^-24 in [0, 1): exact, and never 1.
inline float UniformFloat(uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24f; }

}  // namespace lacuna
