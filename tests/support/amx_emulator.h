// AMX on machines without it: a SIGILL handler that performs the tile instruction at RIP on a thread's own tile state
// and steps over it, so that tests run the shipped machine code anywhere from AVX2 + FMA up, bit for bit.
//
// Three situations:
//   no AMX in the processor     every tile instruction traps and is emulated; counts are complete.
//   AMX, permission not asked   what touches tile data traps (the kernel arms XFD). The processor runs LDTILECFG,
//                               STTILECFG and TILERELEASE; the handler takes the configuration from the signal
//                               frame (STTILECFG then shows a start_row of 0xA5). So a machine with AMX tests the
//                               emulator in a process with LACUNA_AMX_EMULATE=1.
//   AMX and permission          "native": nothing traps, there are no counts.
// A condition for which Intel's manual has #UD or #GP goes to the SIGILL action that was there before, by default death
// at the instruction, with the reason on stderr.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/support/amx_decode.h"
#include "tests/support/amx_tiles.h"

namespace lacuna::testing {

// Makes AMX usable by this process, natively if it can and LACUNA_AMX_EMULATE is not 1, otherwise by the handler; the
// library's RequestTilePermission() then says true. Call it first in each test that runs AMX code; later calls do
// nothing.
void InstallAmxEmulator();

// "native" or "emulated"; installs if need be.
const char* AmxMode();
bool AmxIsNative();

// Instructions emulated in the process since the last reset; nothing when native. On a processor with AMX, LDTILECFG
// counts once per configuration that a trap found new, and STTILECFG and TILERELEASE do not count.
std::optional<uint64_t> AmxInstructionCount(AmxOp op);
std::optional<uint64_t> AmxInstructionCount();  // all opcodes
void ResetAmxCounts();

// Whether the calling thread has no tile configuration, as it must be after a parallel body.
bool AmxTilesReleased();

// The handler's inside, for tests that need no trap: performs the instruction at `code` with general registers
// gpr[0..15] (in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8...) on `state`.
struct AmxStep {
  const char* fault = nullptr;  // null: done. Otherwise why the processor raises #UD, or #GP if `protection`
  bool protection = false;
  AmxInstruction instruction;
};
AmxStep EmulateAmx(const uint8_t* code, const uint64_t* gpr, TileState& state);

}  // namespace lacuna::testing
