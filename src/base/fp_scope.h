// FpScope: the floating-point environment of the numeric contract, for as long as it lives. MXCSR is set to round to
// nearest even, flush-to-zero and denormals-are-zero (as the tile unit works whatever MXCSR says), every exception
// masked, and put back at the end. The thread team holds one on each worker for life and on the caller for each
// region; reference kernels and tests that call kernels directly hold one themselves.
// Everything is always_inline: files compiled for an instruction set can include this without weak symbols.
#pragma once

#include <xmmintrin.h>

namespace lacuna {

// Bits 7-12 mask the six exceptions, 13-14 are the rounding mode (0 = nearest even), 15 is FTZ, 6 is DAZ.
inline constexpr unsigned kContractMxcsr = 0x1f80u | 0x8000u | 0x0040u;

class FpScope {
 public:
  __attribute__((always_inline)) FpScope() : saved_(_mm_getcsr()) { _mm_setcsr(kContractMxcsr); }
  __attribute__((always_inline)) ~FpScope() { _mm_setcsr(saved_); }
  FpScope(const FpScope&) = delete;
  FpScope& operator=(const FpScope&) = delete;

 private:
  unsigned saved_;
};

}  // namespace lacuna
