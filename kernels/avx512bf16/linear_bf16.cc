// bf16 weights by VDPBF16PS with one half of each pair of x zeroed: the instruction is then exactly one chain of the
// contract (fma of that half, denormals flushed), and w needs no shift or mask.
#include "kernels/avx512bf16/linear.h"

#include "kernels/avx512/linear_block-inl.h"
#include "kernels/avx512/linear_packed_bf16_rows-inl.h"
#include "kernels/avx512/linear_rows-inl.h"

namespace lacuna::kernels {
namespace {

struct HalvesDot {
  static inline __m512 Even(__m512i row) { return _mm512_castsi512_ps(row); }
  static inline __m512 Odd(__m512i row) { return _mm512_castsi512_ps(row); }
  // An integer broadcast: Zen 4 loads two of them a cycle, and VBROADCASTSS takes a slot from the products.
  static inline __attribute__((always_inline)) __m512 Fma(const float& x, __m512 w, __m512 acc) {
    int32_t pair;
    __builtin_memcpy(&pair, &x, 4);
    return _mm512_dpbf16_ps(acc, (__m512bh)w, (__m512bh)_mm512_set1_epi32(pair));
  }
};

}  // namespace

void Avx512Bf16LinearBf16Rows(const LinearBf16Args& args) { LinearRowsUpTo8<HalvesDot, true>(args); }
void Avx512Bf16LinearBf16Block(const LinearBf16Args& args) { LinearBlock<HalvesDot>(args); }
void Avx512Bf16LinearBitmapBf16Rows(const LinearPackedArgs& args) { BitmapRowsUpTo8<HalvesDot, true>(args); }

}  // namespace lacuna::kernels
