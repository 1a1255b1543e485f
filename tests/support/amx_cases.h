// Operands that can tell a right tile product from a wrong one, three ways to compute it, and what "equal" means.
#pragma once

#include <cstdint>

#include "tests/support/amx_decode.h"

namespace lacuna::testing {

// c (m x n dwords) += a (m x k) b (k x n), rows 64 bytes apart whatever the shape.
struct AmxCase {
  AmxOp op;
  int kind, m, k, n;
  alignas(64) uint8_t a[16][64], b[16][64];
  alignas(64) uint32_t c[16][16];
};

struct AmxResult {
  alignas(64) uint32_t d[16][16];  // m x n of it
};

// Kinds of operands. For bf16: see amx_cases.cc; for bytes the four last ones.
enum AmxKind {
  kOrdinary,
  kCancelling,  // 20 binades, most products have a near opposite two pairs on
  kDenormalInputs,
  kDenormalResults,  // products and sums around 2^-126
  kTinyEdge,         // sums within an ulp of 2^-126: tells rounding before flushing from flushing before rounding
  kOverflow,
  kNonFinite,
  kSignedZeros,
  kAnyBits,
  kBf16Kinds,
  kBytes = kBf16Kinds,
  kByteExtremes,
  kEveryByte,
  kByteWrap,  // accumulators next to +-2^31
  kAllKinds,
};
const char* AmxKindName(int kind);
inline int FirstKind(AmxOp op) { return op == AmxOp::kTdpbf16ps ? 0 : kBf16Kinds; }
inline int LastKind(AmxOp op) { return op == AmxOp::kTdpbf16ps ? kBf16Kinds : kAllKinds; }

// Depends on nothing but its arguments (integer arithmetic only): recorded digests name a seed.
AmxCase MakeAmxCase(AmxOp op, int kind, int m, int k, int n, uint64_t seed);

// By tile instructions: processor or handler, whichever runs them.
void RunTileCode(const AmxCase& test, AmxResult* result);
// By the emulator's inside, without a trap.
void RunEmulated(const AmxCase& test, AmxResult* result);
// From the numeric contract's text, one exact operation at a time in integers and doubles. A mutant breaks one clause;
// operands that cannot tell it from the contract are no test.
enum class AmxMutant {
  kNone,
  kReversed,
  kOneChain,
  kNoFlush,
  kFlushBeforeRounding,
  kNotFused,
  kDenormalInputsKept,
  kStartAtC
};
void RunScalar(const AmxCase& test, AmxResult* result, AmxMutant mutant = AmxMutant::kNone);

struct AmxDifference {
  int unequal = 0;               // under the contract: +0 and -0 are one value, all NaNs are one value
  int other_bits = 0;            // equal so, but other bits
  int first_m = 0, first_n = 0;  // of the first unequal one
};
AmxDifference CompareAmx(const AmxCase& test, const AmxResult& x, const AmxResult& y);

// FNV-1a over the m x n results with zeros and NaNs made one.
uint64_t DigestAmx(const AmxCase& test, const AmxResult& result, uint64_t digest);
inline constexpr uint64_t kDigestStart = 0xcbf29ce484222325u;

}  // namespace lacuna::testing
