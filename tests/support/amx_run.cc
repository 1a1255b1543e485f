#include "tests/support/amx_run.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstdlib>
#include <cstring>

// Called as f(gpr, code); code ends with a jump to lacuna_amx_run_back.
extern "C" {
void lacuna_amx_run(const uint64_t* gpr, const void* code);
void lacuna_amx_run_back();
uint64_t lacuna_amx_run_rsp, lacuna_amx_run_code;
}
__asm__(R"(
  .pushsection .text
  .globl lacuna_amx_run, lacuna_amx_run_back
lacuna_amx_run:
  pushq %rbx
  pushq %rbp
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, lacuna_amx_run_rsp(%rip)
  movq %rsi, lacuna_amx_run_code(%rip)
  movq 0(%rdi), %rax
  movq 8(%rdi), %rcx
  movq 16(%rdi), %rdx
  movq 24(%rdi), %rbx
  movq 32(%rdi), %rsp
  movq 40(%rdi), %rbp
  movq 48(%rdi), %rsi
  movq 64(%rdi), %r8
  movq 72(%rdi), %r9
  movq 80(%rdi), %r10
  movq 88(%rdi), %r11
  movq 96(%rdi), %r12
  movq 104(%rdi), %r13
  movq 112(%rdi), %r14
  movq 120(%rdi), %r15
  movq 56(%rdi), %rdi
  jmp *lacuna_amx_run_code(%rip)
lacuna_amx_run_back:
  movq lacuna_amx_run_rsp(%rip), %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbp
  popq %rbx
  ret
  .popsection
)");

namespace lacuna::testing {
namespace {

volatile sig_atomic_t armed = 0, fault = 0;

// Goes on behind the instruction by returning, not by siglongjmp, which would lose the tile configuration.
__attribute__((force_align_arg_pointer)) void OnFault(int signal, siginfo_t*, void* context) {
  if (armed) {
    fault = signal;
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] = reinterpret_cast<greg_t>(&lacuna_amx_run_back);
    return;
  }
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, nullptr);  // back to the faulting instruction, which now kills
}

void Catch(int signal, struct sigaction* previous) {
  struct sigaction action = {};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(signal, &action, previous);
}

// Before main, so that the emulator, which installs itself later, hands its faults to this handler.
const bool caught = [] {
  Catch(SIGILL, nullptr);
  return true;
}();

uint8_t* CodePage() {
  static uint8_t* const page = [] {
    void* p = mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) std::abort();
    return static_cast<uint8_t*>(p);
  }();
  return page;
}

// Signals need a stack of their own: rsp is the instruction's.
void UseSignalStack() {
  static uint8_t* const stack = [] {
    constexpr size_t kSize = 256 << 10;
    void* p = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) std::abort();
    const stack_t s = {p, 0, kSize};
    if (sigaltstack(&s, nullptr) != 0) std::abort();
    return static_cast<uint8_t*>(p);
  }();
  (void)stack;
}

}  // namespace

AmxOutcome RunAmxBytes(const std::vector<uint8_t>& code, const uint64_t* gpr) {
  UseSignalStack();
  uint8_t* const page = CodePage();
  memcpy(page, code.data(), code.size());
  uint8_t* p = page + code.size();
  const uint8_t jump[6] = {0xFF, 0x25, 0, 0, 0, 0};  // jmp *(%rip): the eight bytes that follow
  const void* const back = reinterpret_cast<const void*>(&lacuna_amx_run_back);
  memcpy(p, jump, 6);
  memcpy(p + 6, &back, 8);
  struct sigaction previous;
  Catch(SIGSEGV, &previous);
  fault = 0;
  armed = 1;
  lacuna_amx_run(gpr, page);
  armed = 0;
  const int signal = fault;
  sigaction(SIGSEGV, &previous, nullptr);
  return signal == 0 ? AmxOutcome::kDone : signal == SIGILL ? AmxOutcome::kSigill : AmxOutcome::kSigsegv;
}

std::vector<uint8_t> AssembleAmx(AmxOp op, int tile, int src1, int src2, const AmxMemory& memory) {
  constexpr struct {
    uint8_t opcode, pp;
  } kCodes[kAmxOps] = {{0x49, 0}, {0x49, 1}, {0x49, 0}, {0x49, 3}, {0x4B, 3}, {0x4B, 1},
                       {0x4B, 2}, {0x5C, 2}, {0x5E, 3}, {0x5E, 2}, {0x5E, 1}, {0x5E, 0}};
  const auto [opcode, pp] = kCodes[static_cast<int>(op)];
  std::vector<uint8_t> code;
  if (memory.segment) code.push_back(memory.segment);
  if (memory.address32) code.push_back(0x67);
  const bool config = op == AmxOp::kLdTileCfg || op == AmxOp::kStTileCfg;
  const bool has_memory = opcode == 0x4B || config;
  const int base = has_memory && memory.base >= 0 ? memory.base : 0,
            index = has_memory && memory.index >= 0 ? memory.index : 0;
  const int b_bit = has_memory ? base >> 3 : src1 >> 3;
  code.insert(code.end(),
              {0xC4, static_cast<uint8_t>((~tile >> 3 & 1) << 7 | (~index >> 3 & 1) << 6 | (~b_bit & 1) << 5 | 2),
               static_cast<uint8_t>((~src2 & 15) << 3 | pp), opcode});
  if (!has_memory) {
    code.push_back(static_cast<uint8_t>(0xC0 | (tile & 7) << 3 | (src1 & 7)));
    return code;
  }
  const int mod = memory.base < 0 || memory.disp_bytes == 0 ? 0 : memory.disp_bytes == 1 ? 1 : 2;
  code.push_back(static_cast<uint8_t>(mod << 6 | (tile & 7) << 3 | 4));
  code.push_back(static_cast<uint8_t>(memory.scale_log2 << 6 | (memory.index < 0 ? 4 : index & 7) << 3 |
                                      (memory.base < 0 ? 5 : base & 7)));
  const int bytes = memory.base < 0 ? 4 : memory.disp_bytes;
  const auto* disp = reinterpret_cast<const uint8_t*>(&memory.disp);
  code.insert(code.end(), disp, disp + bytes);
  return code;
}

}  // namespace lacuna::testing
