// bf16 products by f32 FMA: a row of a panel is split into its even k (shifted up) and its odd k (masked), then every
// product is one fma of exact operands. In the including file's anonymous namespace.
#pragma once

#include <immintrin.h>

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
}  // namespace lacuna::kernels
