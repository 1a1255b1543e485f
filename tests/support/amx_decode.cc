#include "tests/support/amx_decode.h"

#include <cstring>

namespace lacuna::testing {
namespace {

enum Pp { kNone = 0, k66 = 1, kF3 = 2, kF2 = 3 };

// The fields of a three-byte VEX prefix, extension bits already inverted back.
struct Vex {
  int r, x, b, w, vvvv, l, pp;
};

// What ModRM and SIB say about memory; advances the cursor over SIB and displacement.
void DecodeMemory(const uint8_t*& p, int modrm, const Vex& vex, AmxInstruction* out) {
  const int mod = modrm >> 6, rm = modrm & 7;
  bool disp32 = mod == 2;
  if (rm == 4) {
    const int sib = *p++;
    const int index = (sib >> 3 & 7) | vex.x << 3, base = sib & 7;
    if (index != 4) out->index = index;  // 100 without VEX.X is "no index"; R12 is an index
    out->scale = 1 << (sib >> 6);
    if (base == 5 && mod == 0) {
      disp32 = true;  // no base
    } else {
      out->base = base | vex.b << 3;
    }
  } else if (rm == 5 && mod == 0) {
    disp32 = out->rip_relative = true;
  } else {
    out->base = rm | vex.b << 3;
  }
  if (disp32) {
    int32_t disp;
    memcpy(&disp, p, 4);
    out->disp = disp;
    p += 4;
  } else if (mod == 1) {
    out->disp = static_cast<int8_t>(*p++);
  }
}

const char* DecodeConfig(const uint8_t*& p, int modrm, const Vex& vex, AmxInstruction* out) {
  const int reg = modrm >> 3 & 7;
  if (vex.vvvv != 0) return "VEX.vvvv is not 1111";
  if (modrm >> 6 != 3) {
    if (vex.pp != kNone && vex.pp != k66) return "opcode 49 with memory and this prefix is not defined";
    if (reg != 0) return "ModRM.reg of LDTILECFG and STTILECFG is not 0";
    out->op = vex.pp == kNone ? AmxOp::kLdTileCfg : AmxOp::kStTileCfg;
    DecodeMemory(p, modrm, vex, out);
    return nullptr;
  }
  if (vex.pp == kNone) {
    if (modrm != 0xC0) return "ModRM of TILERELEASE is not C0";
    out->op = AmxOp::kTileRelease;
    return nullptr;
  }
  if (vex.pp != kF2) return "opcode 49 with a register and this prefix is not defined";
  if ((modrm & 7) != 0) return "ModRM.rm of TILEZERO is not 0";
  out->op = AmxOp::kTileZero;
  out->tile = reg | vex.r << 3;
  return nullptr;
}

const char* DecodeLoadStore(const uint8_t*& p, int modrm, const Vex& vex, AmxInstruction* out) {
  if (vex.pp == kNone) return "opcode 4B without prefix is not defined";
  if (vex.vvvv != 0) return "VEX.vvvv is not 1111";
  if (modrm >> 6 == 3 || (modrm & 7) != 4) return "a tile load or store without a SIB byte";
  out->op = vex.pp == kF2 ? AmxOp::kTileLoad : vex.pp == k66 ? AmxOp::kTileLoadT1 : AmxOp::kTileStore;
  out->tile = (modrm >> 3 & 7) | vex.r << 3;
  DecodeMemory(p, modrm, vex, out);
  return nullptr;
}

const char* DecodeDot(int opcode, int modrm, const Vex& vex, AmxInstruction* out) {
  if (modrm >> 6 != 3) return "a tile product with a memory operand";
  if (opcode == 0x5C) {
    if (vex.pp != kF3) return "opcode 5C with this prefix is not TDPBF16PS";
    out->op = AmxOp::kTdpbf16ps;
  } else {
    constexpr AmxOp kByPp[] = {AmxOp::kTdpbuud, AmxOp::kTdpbusd, AmxOp::kTdpbsud, AmxOp::kTdpbssd};
    out->op = kByPp[vex.pp];
  }
  out->tile = (modrm >> 3 & 7) | vex.r << 3;
  out->src1 = (modrm & 7) | vex.b << 3;
  out->src2 = vex.vvvv;
  return nullptr;
}

}  // namespace

const char* AmxOpName(AmxOp op) {
  constexpr const char* kNames[kAmxOps] = {"LDTILECFG", "STTILECFG",   "TILERELEASE", "TILEZERO",
                                           "TILELOADD", "TILELOADDT1", "TILESTORED",  "TDPBF16PS",
                                           "TDPBSSD",   "TDPBSUD",     "TDPBUSD",     "TDPBUUD"};
  return kNames[static_cast<int>(op)];
}

void PrintTo(AmxOp op, std::ostream* out) { *out << AmxOpName(op); }

const char* DecodeAmx(const uint8_t* code, AmxInstruction* out) {
  const uint8_t* p = code;
  *out = AmxInstruction{};
  for (bool prefixes = true; prefixes;) {
    if (p - code > 14) return "longer than 15 bytes";
    switch (*p) {
      case 0x64:
      case 0x65:
        out->segment = *p++;
        break;
      case 0x67:
        out->address32 = true;
        ++p;
        break;
      case 0x26:
      case 0x2E:
      case 0x36:
      case 0x3E:  // no meaning in 64-bit mode
        ++p;
        break;
      default:  // 66, F2, F3, F0 and REX before VEX are #UD, so they need no case
        prefixes = false;
    }
  }
  if (*p != 0xC4) return "no three-byte VEX prefix";
  const int byte1 = p[1];
  if ((byte1 & 31) != 2) return "not in map 0F38";
  const int byte2 = p[2], opcode = p[3];
  if (opcode != 0x49 && opcode != 0x4B && opcode != 0x5C && opcode != 0x5E) return "not an AMX opcode";
  const Vex vex = {byte1 >> 7 ^ 1, (byte1 >> 6 & 1) ^ 1,   (byte1 >> 5 & 1) ^ 1,
                   byte2 >> 7,     (byte2 >> 3 & 15) ^ 15, byte2 >> 2 & 1,
                   byte2 & 3};
  if (vex.w) return "VEX.W is 1";
  if (vex.l) return "VEX.L is 1";
  const int modrm = p[4];
  p += 5;
  const char* why = opcode == 0x49   ? DecodeConfig(p, modrm, vex, out)
                    : opcode == 0x4B ? DecodeLoadStore(p, modrm, vex, out)
                                     : DecodeDot(opcode, modrm, vex, out);
  if (why) return why;
  if (out->tile > 7 || out->src1 > 7 || out->src2 > 7) return "a tile number above 7";
  if (p - code > 15) return "longer than 15 bytes";
  out->length = static_cast<int>(p - code);
  return nullptr;
}

}  // namespace lacuna::testing
