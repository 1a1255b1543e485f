// How the CPU cuts a linear op: units of four panels (64 channels), each computed for all rows into a block that stays
// in cache, then finished by the epilogue.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lacuna {

inline constexpr int kUnitPanels = 4;
inline constexpr int kUnitChannels = kUnitPanels * 16;

// The input, rounded to bf16 once for all members, K padded to 32.
inline std::size_t RoundedInputBytes(int64_t rows, int64_t k) {
  return static_cast<std::size_t>(rows * ((k + 31) / 32 * 32)) * 2 + 64;
}
// Two blocks a worker: gate and up are finished together.
inline std::size_t BlockBytes(int64_t rows) { return static_cast<std::size_t>(rows) * kUnitChannels * sizeof(float) * 2; }

}  // namespace lacuna
