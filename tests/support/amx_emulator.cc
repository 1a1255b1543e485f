#include "tests/support/amx_emulator.h"

#include <cpuid.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/tile_permission.h"
#include "kernels/amx/tile.h"

namespace lacuna::testing {
namespace {

// Initial-exec: a signal handler must not meet the allocating path of dynamic TLS.
__attribute__((tls_model("initial-exec"))) thread_local TileState thread_tiles;

std::atomic<uint64_t> counts[kAmxOps];
struct sigaction previous_action;
bool native = false;
int tile_config_offset = 0;  // in the signal frame's XSAVE area; 0: this processor has no AMX

constexpr int kGregs[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                            REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

uint64_t SegmentBase(int segment) {
  if (segment == 0) return 0;
  uint64_t base = 0;
  syscall(SYS_arch_prctl, segment == 0x64 ? 0x1003 : 0x1004, &base);  // ARCH_GET_FS, ARCH_GET_GS
  return base;
}

// With AMX but without permission the processor itself executes LDTILECFG, so that the configuration in force is in the
// signal frame. The handler marks one that it has taken over by a start_row that no program uses: a later LDTILECFG,
// even of the same bytes, has to zero the tiles, and clears the mark.
constexpr uint8_t kTakenOver = 0xA5;

// The frame's 64 bytes of TILECFG, or null when the state is initial (no configuration) or not in the frame.
uint8_t* FrameConfig(ucontext_t* context) {
  auto* area = reinterpret_cast<uint8_t*>(context->uc_mcontext.fpregs);
  if (!area || !tile_config_offset) return nullptr;
  uint32_t magic, size;
  uint64_t present;
  memcpy(&magic, area + 464, 4);  // _fpx_sw_bytes
  memcpy(&size, area + 480, 4);
  memcpy(&present, area + 512, 8);  // XSTATE_BV
  const bool there =
      magic == 0x46505853 && size >= static_cast<uint32_t>(tile_config_offset) + 64 && (present >> 17 & 1);
  return there ? area + tile_config_offset : nullptr;
}

void TakeFrameConfig(const uint8_t* config) {
  if (!config) return ReleaseTiles(thread_tiles);
  if (config[1] == kTakenOver) return;
  if (LoadTileConfig(thread_tiles, config)) return ReleaseTiles(thread_tiles);
  counts[static_cast<int>(AmxOp::kLdTileCfg)].fetch_add(1, std::memory_order_relaxed);
}

// qemu-user 7.2 enters handlers with the stack 8 bytes off.
__attribute__((force_align_arg_pointer)) void OnSigill(int signal, siginfo_t* info, void* raw_context) {
  auto* context = static_cast<ucontext_t*>(raw_context);
  greg_t* gregs = context->uc_mcontext.gregs;
  uint64_t gpr[16];
  for (int i = 0; i < 16; ++i) gpr[i] = static_cast<uint64_t>(gregs[kGregs[i]]);
  const auto* code = reinterpret_cast<const uint8_t*>(gregs[REG_RIP]);
  uint8_t* const frame = FrameConfig(context);
  if (tile_config_offset) TakeFrameConfig(frame);
  const AmxStep step = EmulateAmx(code, gpr, thread_tiles);
  if (!step.fault) {
    counts[static_cast<int>(step.instruction.op)].fetch_add(1, std::memory_order_relaxed);
    gregs[REG_RIP] += step.instruction.length;
    if (frame) frame[1] = kTakenOver;
    return;
  }
  if (previous_action.sa_flags & SA_SIGINFO) return previous_action.sa_sigaction(signal, info, raw_context);
  if (previous_action.sa_handler != SIG_DFL && previous_action.sa_handler != SIG_IGN) {
    return previous_action.sa_handler(signal);
  }
  char text[200];
  const int size = snprintf(text, sizeof(text), "amx emulator: %s at %p: %s\n", step.protection ? "#GP" : "#UD",
                            static_cast<const void*>(code), step.fault);
  if (write(STDERR_FILENO, text, size) < 0) _exit(132);
  // Back to the same instruction, which then raises the real signal with the default action.
  sigaction(SIGILL, &previous_action, nullptr);
}

bool WantsEmulation() {
  const char* value = std::getenv("LACUNA_AMX_EMULATE");
  return value && strcmp(value, "0") != 0 && *value;
}

void Install() {
  if (!WantsEmulation() && RequestTilePermission()) {
    native = true;
    return;
  }
  uint64_t granted = 0;
  if (syscall(SYS_arch_prctl, 0x1022, &granted) == 0 && (granted >> 18 & 1)) {  // ARCH_GET_XCOMP_PERM
    fprintf(stderr,
            "amx emulator: tile permission was already taken, nothing would trap; install the emulator first\n");
    std::abort();
  }
  unsigned a, b, c, d;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 24 & 1) && __get_cpuid_count(0xD, 17, &a, &b, &c, &d) &&
      a == 64) {
    tile_config_offset = static_cast<int>(b);
  }
  ReportTilesAsEmulated();
  struct sigaction action = {};
  action.sa_sigaction = OnSigill;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGILL, &action, &previous_action);
}

}  // namespace

AmxStep EmulateAmx(const uint8_t* code, const uint64_t* gpr, TileState& state) {
  AmxStep step;
  AmxInstruction& in = step.instruction;
  step.fault = DecodeAmx(code, &in);
  if (step.fault) return step;
  const uint64_t mask = in.address32 ? 0xffffffffu : ~uint64_t{0};
  uint64_t address = in.disp;
  if (in.base >= 0) address += gpr[in.base];
  if (in.rip_relative) address += reinterpret_cast<uint64_t>(code) + in.length;
  const uint64_t index = in.index >= 0 ? gpr[in.index] * in.scale : 0;
  const uint64_t segment = SegmentBase(in.segment);
  const uint64_t config = ((address + index) & mask) + segment;
  switch (in.op) {
    case AmxOp::kLdTileCfg:
      step.fault = LoadTileConfig(state, reinterpret_cast<const uint8_t*>(config));
      step.protection = step.fault != nullptr;
      break;
    case AmxOp::kStTileCfg:
      StoreTileConfig(state, reinterpret_cast<uint8_t*>(config));
      break;
    case AmxOp::kTileRelease:
      ReleaseTiles(state);
      break;
    case AmxOp::kTileZero:
      step.fault = ZeroTile(state, in.tile);
      break;
    case AmxOp::kTileLoad:
    case AmxOp::kTileLoadT1:
      step.fault = LoadTile(state, in.tile, address, index, mask, segment);
      break;
    case AmxOp::kTileStore:
      step.fault = StoreTile(state, in.tile, address, index, mask, segment);
      break;
    default:
      step.fault = TileDot(state, in.op, in.tile, in.src1, in.src2);
  }
  return step;
}

void InstallAmxEmulator() {
  static std::once_flag once;
  std::call_once(once, Install);
}

const char* AmxMode() { return AmxIsNative() ? "native" : "emulated"; }

bool AmxIsNative() {
  InstallAmxEmulator();
  return native;
}

std::optional<uint64_t> AmxInstructionCount(AmxOp op) {
  if (AmxIsNative()) return std::nullopt;
  return counts[static_cast<int>(op)].load(std::memory_order_relaxed);
}

std::optional<uint64_t> AmxInstructionCount() {
  if (AmxIsNative()) return std::nullopt;
  uint64_t sum = 0;
  for (auto& count : counts) sum += count.load(std::memory_order_relaxed);
  return sum;
}

void ResetAmxCounts() {
  for (auto& count : counts) count.store(0, std::memory_order_relaxed);
}

bool AmxTilesReleased() {
  InstallAmxEmulator();
  kernels::TileConfig config;
  kernels::TileStoreConfig(&config);
  return config.palette == 0;
}

}  // namespace lacuna::testing
