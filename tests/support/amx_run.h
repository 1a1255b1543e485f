// Runs one instruction given as bytes with all sixteen general registers chosen, and says whether it faulted. What runs
// it is the processor where it can and the emulator's handler where it traps.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/support/amx_decode.h"

namespace lacuna::testing {

enum class AmxOutcome { kDone, kSigill, kSigsegv };

// gpr in encoding order (rax rcx rdx rbx rsp rbp rsi rdi r8...); rsp may be anything readable or not. One thread only.
AmxOutcome RunAmxBytes(const std::vector<uint8_t>& code, const uint64_t* gpr);

// A memory operand, or none.
struct AmxMemory {
  int base = -1, index = -1;  // general registers; -1: none. rsp is no index
  int scale_log2 = 0;
  int32_t disp = 0;
  int disp_bytes = 0;  // 0, 1 or 4; without base always 4; rbp and r13 need at least 1
  bool address32 = false;
  int segment = 0;  // 0x64, 0x65, or one of 26 2E 36 3E, which mean nothing
};

// The bytes of an instruction; for TDP*: tile = destination, src1 = A, src2 = B.
std::vector<uint8_t> AssembleAmx(AmxOp op, int tile, int src1 = 0, int src2 = 0, const AmxMemory& memory = {});

}  // namespace lacuna::testing
