// tests/data/amx_silicon.bin: what a processor with AMX computed, so that machines without one can check against it.
// Little endian:
//   "LACUNAMX", u32 version, u32 processor (CPUID 1, EAX), u32 cases, u32 digests
//   case:    u8 op, kind, m, k, n, 0, 0, 0, then the dwords of a (m x k), b (k x n), c (m x n), result (m x n)
//   digest:  u8 op, kind, 0, 0, u32 tiles, u64 digest of the results of MakeRecordedCase(op, kind, 0 .. tiles - 1)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/amx_cases.h"

namespace lacuna::testing {

struct AmxRecordedCase {
  AmxCase operands;
  AmxResult result;
};

struct AmxRecordedDigest {
  AmxOp op;
  int kind;
  uint32_t tiles;
  uint64_t digest;
};

struct AmxRecording {
  uint32_t processor = 0;
  std::vector<AmxRecordedCase> cases;
  std::vector<AmxRecordedDigest> digests;
};

// The operands that a digest covers: full tiles, and every shape in turn at odd seeds. Changing it or what it calls
// makes a new version of the file.
AmxCase MakeRecordedCase(AmxOp op, int kind, uint32_t seed);

bool WriteAmxRecording(const std::string& path, const AmxRecording& recording);
// False when the file is missing, of another version, cut short or too long.
bool ReadAmxRecording(const std::string& path, AmxRecording* recording);

}  // namespace lacuna::testing
