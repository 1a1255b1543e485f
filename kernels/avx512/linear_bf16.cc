// bf16 weights by f32 FMA: a row of a panel is split into its even k (shifted up) and its odd k (masked), then every
// product is one fma of exact operands.
#include "kernels/avx512/linear.h"
#include "kernels/avx512/linear_block-inl.h"
#include "kernels/avx512/linear_rows-inl.h"

namespace lacuna::kernels {
namespace {

struct FmaDot {
  static inline __m512 Even(__m512i row) { return _mm512_castsi512_ps(_mm512_slli_epi32(row, 16)); }
  static inline __m512 Odd(__m512i row) {
    return _mm512_castsi512_ps(_mm512_and_si512(row, _mm512_set1_epi32((int)0xffff0000u)));
  }
  static inline __m512 Fma(float x, __m512 w, __m512 acc) { return _mm512_fmadd_ps(_mm512_set1_ps(x), w, acc); }
};

}  // namespace

void Avx512LinearBf16Rows(const LinearBf16Args& args) { LinearRowsUpTo8<FmaDot>(args); }
void Avx512LinearBf16Block(const LinearBf16Args& args) { LinearBlock<FmaDot>(args); }

}  // namespace lacuna::kernels
