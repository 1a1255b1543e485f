#include "tests/support/naive_dot.h"

#include <xmmintrin.h>

#include <algorithm>
#include <cmath>

namespace lacuna::testing {
namespace {

// Kept out of the compiler's sight: no folding or reordering across a change of MXCSR.
__attribute__((noinline)) float MulAdd(float a, float b, float c, bool fused) {
  if (fused) return std::fma(a, b, c);
  volatile float product = a * b;
  return product + c;
}

// One segment, [begin, end) of the padded K, from +0.
float Segment(const bf16* x, const bf16* w, int k, int begin, int end, DotMutant mutant) {
  const auto at = [k](const bf16* v, int i) { return i < k ? ToFloat(v[i]) : 0.0f; };
  const bool reversed = mutant == DotMutant::kReversedK;
  const bool fused = mutant != DotMutant::kUnfused;
  const int steps = (end - begin) / 32;
  volatile float c = 0.0f;
  for (int s = 0; s < steps; ++s) {
    const int step = begin + 32 * (reversed ? steps - 1 - s : s);
    float e = 0.0f, o = 0.0f;
    for (int i = 0; i < 16; ++i) {
      const int p = step + 2 * (reversed ? 15 - i : i);
      e = MulAdd(at(x, p), at(w, p), e, fused);
      float& odd = mutant == DotMutant::kOneChain ? e : o;
      odd = MulAdd(at(x, p + 1), at(w, p + 1), odd, fused);
    }
    volatile float both = e + o;
    c = c + both;
  }
  return c;
}

}  // namespace

const char* Name(DotMutant mutant) {
  switch (mutant) {
    case DotMutant::kNone:
      return "none";
    case DotMutant::kReversedK:
      return "reversed K";
    case DotMutant::kOneChain:
      return "one chain";
    case DotMutant::kNoFlush:
      return "no flush to zero";
    case DotMutant::kUnfused:
      return "product not fused";
    case DotMutant::kReversedSegments:
      return "reversed segments";
  }
  return "?";
}

float NaiveDot(const bf16* x, const bf16* w, int k, int k_segment, DotMutant mutant) {
  const unsigned saved = _mm_getcsr();
  if (mutant == DotMutant::kNoFlush) _mm_setcsr(0x1f80);
  const int k_padded = (k + 31) / 32 * 32;
  const int length = k_segment > 0 ? k_segment : k_padded;
  const int segments = (k_padded + length - 1) / length;
  volatile float y = 0.0f;
  for (int s = 0; s < segments; ++s) {
    const int begin = length * (mutant == DotMutant::kReversedSegments ? segments - 1 - s : s);
    const float segment = Segment(x, w, k, begin, std::min(k_padded, begin + length), mutant);
    y = y + segment;
  }
  _mm_setcsr(saved);
  return y;
}

std::vector<float> NaiveLinear(const LinearData& data, int m, int n, int k, int k_segment, DotMutant mutant) {
  std::vector<float> y(static_cast<std::size_t>(m) * n);
  for (int row = 0; row < m; ++row) {
    for (int c = 0; c < n; ++c) {
      y[row * n + c] = NaiveDot(data.x.data() + row * k, data.w.data() + c * k, k, k_segment, mutant);
    }
  }
  return y;
}

}  // namespace lacuna::testing
