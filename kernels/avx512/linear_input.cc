// Rounding of a linear layer's input: fp32 to bf16 (to nearest even, denormals to zero, NaN quiet), straight into the
// layout of the kernel that reads it.
#include <immintrin.h>

#include "kernels/avx512/linear.h"

namespace lacuna::kernels {
namespace {

// bf16 in the upper half of each lane, zeros below.
inline __m512i Round(__m512 x) {
  const __m512i u = _mm512_castps_si512(x);
  const __m512i exponent = _mm512_and_si512(u, _mm512_set1_epi32(0x7f800000));
  const __mmask16 tiny = _mm512_testn_epi32_mask(exponent, exponent);
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  __m512i r = _mm512_add_epi32(u, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  r = _mm512_mask_or_epi32(r, nan, u, _mm512_set1_epi32(0x400000));
  r = _mm512_and_si512(r, _mm512_set1_epi32((int)0xffff0000u));
  return _mm512_mask_and_epi32(r, tiny, u, _mm512_set1_epi32((int)0x80000000u));
}

// x[k .. k + 16) of a row, zeros from args.k on.
inline __m512 Load(const float* row, int k, int end) {
  if (k + 16 <= end) return _mm512_loadu_ps(row + k);
  const int left = end - k;
  return left > 0 ? _mm512_maskz_loadu_ps((__mmask16)((1u << left) - 1), row + k) : _mm512_setzero_ps();
}

template <bool kHalves>
void Wide(const LinearInputArgs& a) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (int row0 = 0; row0 < a.m; row0 += a.block_rows) {
    const int rows = a.m - row0 < a.block_rows ? a.m - row0 : a.block_rows;
    float* block = (float*)a.to + (ptrdiff_t)row0 * a.k_padded;
    const __m512i place = _mm512_mullo_epi32(lane, _mm512_set1_epi32(rows));
    for (int k = a.k_begin; k < a.k_end; k += 16) {
      for (int i = 0; i < rows; ++i) {
        __m512i r = Round(Load(a.x + (row0 + i) * a.x_stride, k, a.k));
        if (kHalves) r = _mm512_mask_srli_epi32(r, 0x5555, r, 16);
        float* to = block + (ptrdiff_t)k * rows + i;
        if (rows == 1) {
          _mm512_storeu_si512(to, r);
        } else {
          _mm512_i32scatter_epi32(to, place, r, 4);
        }
      }
    }
  }
}

}  // namespace

void Avx512InputWide(const LinearInputArgs& args) { Wide<false>(args); }
void Avx512InputHalves(const LinearInputArgs& args) { Wide<true>(args); }

void Avx512InputTiles(const LinearInputArgs& a) {
  const int tile_rows = a.m < 16 ? a.m : 16;
  const int blocks = (a.m + tile_rows - 1) / tile_rows;
  for (int k0 = a.k_begin / kTileChunk * kTileChunk; k0 < a.k_end; k0 += kTileChunk) {
    const int width = a.k_padded - k0 < kTileChunk ? a.k_padded - k0 : kTileChunk;
    const int begin = a.k_begin > k0 ? a.k_begin : k0;
    const int end = a.k_end < k0 + width ? a.k_end : k0 + width;
    for (int b = 0; b < blocks; ++b) {
      char* block = (char*)a.to + ((ptrdiff_t)k0 * blocks + b * width) * tile_rows * 2;
      for (int i = 0; i < tile_rows; ++i) {
        const bool there = b * tile_rows + i < a.m;  // a row beyond m is zeros
        const float* row = there ? a.x + (b * tile_rows + i) * a.x_stride : a.x;
        const int row_end = there ? a.k : 0;
        for (int k = begin; k < end; k += 32) {
          const __m256i low = _mm512_cvtepi32_epi16(_mm512_srli_epi32(Round(Load(row, k, row_end)), 16));
          const __m256i high = _mm512_cvtepi32_epi16(_mm512_srli_epi32(Round(Load(row, k + 16, row_end)), 16));
          char* to = block + (ptrdiff_t)(k - k0) * tile_rows * 2 + i * 64;
          _mm512_store_si512(to, _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
        }
      }
    }
  }
}

}  // namespace lacuna::kernels
