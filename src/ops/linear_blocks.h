// How the CPU cuts a linear op: units of a few panels, each computed for a block of rows into a buffer that stays in
// cache, then finished by the epilogue.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace lacuna {

// A multiple of every kernel's row block (3, 6, 8, 16), and enough for a prompt's pass of 512 rows.
inline constexpr int kMaxBlockRows = 528;
inline constexpr int kMaxUnitPanels = 128;  // of both members of a pair together
inline constexpr int kFewRows = 32;         // up to which a pass streams the weights
// Floats between rows of a unit's buffer: an odd number of lines, or the rows of a tile share a few cache sets; and not
// one more or less than a multiple of 4 KiB, or a load of two panels of a row has the lower address bits of a store to
// the row before, for which Intel's processors make it wait ("4-KByte aliasing" in the optimization manual).
inline constexpr int BlockStride(int panels) {
  const int lines = panels + 1 + panels % 2, over = lines % 64;
  return 16 * (over == 63 ? lines + 4 : over == 1 && lines > 1 ? lines + 2 : lines);
}

// Panels of each member in a unit. Few rows stream the weights: small units balance the threads best. Many rows need a
// unit large enough that x, read once for it, is a small part of the traffic.
inline int UnitPanels(int64_t rows, int64_t panels, int members, int workers) {
  const int64_t most = kMaxUnitPanels / members;
  if (rows <= kFewRows) return static_cast<int>(std::min<int64_t>(4, most));
  const auto ceil = [](int64_t a, int64_t b) { return (a + b - 1) / b; };
  const int64_t rounds = std::max<int64_t>(1, ceil(panels, most * workers));  // of a unit for every worker
  return static_cast<int>(std::clamp<int64_t>(ceil(ceil(panels, rounds * workers), 2) * 2, 2, most));
}

// The input, rounded once for all members that take the same: 4 bytes a value are enough for every layout and for int8
// with its scales and sums, K padded to 64.
inline std::size_t RoundedInputBytes(int64_t rows, int64_t k) {
  return static_cast<std::size_t>(std::min<int64_t>(rows, kMaxBlockRows) * ((k + 63) / 64 * 64)) * 4 + 256;
}
// Two of them (a pair's members may differ), and room to gather rows and columns first. What is not used costs nothing:
// the memory is never touched.
inline std::size_t LinearInputsBytes(int64_t rows, int64_t k) { return 3 * RoundedInputBytes(rows, k); }
// A worker's buffers: a pair has two of half as many panels.
inline std::size_t BlockBytes(int64_t rows) {
  return static_cast<std::size_t>(std::min<int64_t>(rows, kMaxBlockRows)) * 2 * BlockStride(kMaxUnitPanels / 2) *
         sizeof(float);
}

}  // namespace lacuna
