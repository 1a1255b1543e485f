// From bytes at RIP to one AMX instruction.
//
//   [26 2E 36 3E 64 65 67]*  C4  R X B 00010  W vvvv L pp  opcode  ModRM [SIB] [disp]
//
//                 pp: none         66           F3          F2
//   49  memory        LDTILECFG    STTILECFG    -           -
//   49  register      TILERELEASE  -            -           TILEZERO
//   4B  SIB memory    -            TILELOADDT1  TILESTORED  TILELOADD
//   5C  register      -            -            TDPBF16PS   -
//   5E  register      TDPBUUD      TDPBUSD      TDPBSUD     TDPBSSD
#pragma once

#include <cstdint>
#include <ostream>

namespace lacuna::testing {

enum class AmxOp : uint8_t {
  kLdTileCfg,
  kStTileCfg,
  kTileRelease,
  kTileZero,
  kTileLoad,
  kTileLoadT1,
  kTileStore,
  kTdpbf16ps,
  kTdpbssd,
  kTdpbsud,
  kTdpbusd,
  kTdpbuud,
};
inline constexpr int kAmxOps = 12;

const char* AmxOpName(AmxOp op);
void PrintTo(AmxOp op, std::ostream* out);  // for GoogleTest's messages

struct AmxInstruction {
  AmxOp op;
  int length;              // bytes, prefixes included
  int tile = 0;            // ModRM.reg: destination, or the stored tile
  int src1 = 0, src2 = 0;  // ModRM.rm (A) and vvvv (B) of TDP*
  // Memory: base + disp (+ the segment's base); the index is the row stride, or for the configuration part of the
  // address.
  int base = -1, index = -1;  // general registers 0..15, -1: none
  int scale = 1;
  int64_t disp = 0;
  bool rip_relative = false;
  bool address32 = false;  // prefix 67
  int segment = 0;         // 0x64 (FS), 0x65 (GS) or 0
};

// Null, or why the bytes are no AMX instruction (the processor raises #UD). Reads no byte beyond the instruction.
const char* DecodeAmx(const uint8_t* code, AmxInstruction* out);

}  // namespace lacuna::testing
