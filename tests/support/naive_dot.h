// The bf16 dot of the numeric contract (DESIGN 6), written a second time from its text alone: one output, row-major
// operands, no panels. Every kernel and the reference are compared with it. The mutants are the mistakes a kernel
// could make; a test shows that each of them is seen on the test data.
#pragma once

#include <vector>

#include "tests/support/data.h"

namespace lacuna::testing {

enum class DotMutant {
  kNone,
  kReversedK,         // steps, and pairs inside a step, in descending order
  kOneChain,          // one accumulator for even and odd k
  kNoFlush,           // denormals kept: MXCSR as a process starts with
  kUnfused,           // the product rounded before it is added
  kReversedSegments,  // segments added in descending order
};
inline constexpr DotMutant kDotMutants[] = {DotMutant::kReversedK, DotMutant::kOneChain, DotMutant::kNoFlush,
                                            DotMutant::kUnfused, DotMutant::kReversedSegments};
const char* Name(DotMutant mutant);

// x[k] . w[k], K zero-padded to 32. The caller holds an FpScope (kNoFlush leaves it for the call).
float NaiveDot(const bf16* x, const bf16* w, int k, int k_segment, DotMutant mutant = DotMutant::kNone);

// y [m][n] of x [m][k] and w [n][k].
std::vector<float> NaiveLinear(const LinearData& data, int m, int n, int k, int k_segment,
                               DotMutant mutant = DotMutant::kNone);

}  // namespace lacuna::testing
