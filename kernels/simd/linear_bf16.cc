// bf16 linear layers for AVX2 and FMA: 8 steps of a panel (8 KiB, L1) serve 48 rows, whose sums c, [48 rows][16
// channels], lie on the stack. x is kWide in blocks of 3 rows.
#include "kernels/simd/linear.h"

#include <immintrin.h>

#include "kernels/simd/linear_steps-inl.h"

namespace lacuna::kernels {
namespace {

enum { kGroupRows = 48, kChunkSteps = 8 };

inline __m256i Round(__m256 x) {
  const __m256i u = _mm256_castps_si256(x);
  const __m256i exponent = _mm256_and_si256(u, _mm256_set1_epi32(0x7f800000));
  const __m256i tiny = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  __m256i r = _mm256_add_epi32(u, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
  r = _mm256_blendv_epi8(r, _mm256_or_si256(u, _mm256_set1_epi32(0x400000)), nan);
  r = _mm256_and_si256(r, _mm256_set1_epi32((int)0xffff0000u));
  return _mm256_blendv_epi8(r, _mm256_and_si256(u, _mm256_set1_epi32((int)0x80000000u)), tiny);
}

}  // namespace

void SimdLinearBf16(const LinearBf16Args& a) {
  alignas(64) float c[kGroupRows * 16];
  const ptrdiff_t panel_bytes = (ptrdiff_t)a.k_padded * 32;
  const int segment = a.k_segment > 0 && a.k_segment < a.k_padded ? a.k_segment : a.k_padded;
  for (int panel = a.panel_begin; panel < a.panel_end; ++panel) {
    const char* w = (const char*)a.w + panel * panel_bytes;
    for (int row0 = 0; row0 < a.m; row0 += kGroupRows) {
      const int rows = a.m - row0 < kGroupRows ? a.m - row0 : kGroupRows;
      const float* x = (const float*)a.x + (ptrdiff_t)row0 * a.k_padded;
      for (int k0 = 0; k0 < a.k_padded; k0 += segment) {
        const int k1 = a.k_padded - k0 < segment ? a.k_padded : k0 + segment;
        for (int i = 0; i < rows * 2; ++i) _mm256_store_ps(c + i * 8, _mm256_setzero_ps());
        for (int k = k0; k < k1; k += 32 * kChunkSteps) {
          const int steps = (k1 - k) / 32 < kChunkSteps ? (k1 - k) / 32 : kChunkSteps;
          StepsOfRows<4096>(w + (ptrdiff_t)k * 32, steps, x, a.k_padded, k, rows, c);
        }
        for (int i = 0; i < rows; ++i) {
          float* to = a.y + (row0 + i) * a.y_stride + (ptrdiff_t)(panel - a.panel_begin) * 16;
          for (int h = 0; h < 16; h += 8) {
            const __m256 sum = _mm256_load_ps(c + i * 16 + h);
            _mm256_storeu_ps(to + h, k0 == 0 ? sum : _mm256_add_ps(_mm256_loadu_ps(to + h), sum));
          }
        }
      }
    }
  }
}

void SimdInputWide(const LinearInputArgs& a) {
  for (int row0 = 0; row0 < a.m; row0 += a.block_rows) {
    const int rows = a.m - row0 < a.block_rows ? a.m - row0 : a.block_rows;
    uint32_t* block = (uint32_t*)a.to + (ptrdiff_t)row0 * a.k_padded;
    for (int i = 0; i < rows; ++i) {
      const float* row = a.x + (row0 + i) * a.x_stride;
      for (int k = a.k_begin; k < a.k_end; k += 8) {
        alignas(32) float in[8];
        alignas(32) uint32_t out[8];
        const int left = a.k - k < 8 ? a.k - k : 8;
        for (int j = 0; j < 8; ++j) in[j] = j < left ? row[k + j] : 0.0f;
        _mm256_store_si256((__m256i*)out, Round(_mm256_load_ps(in)));
        for (int j = 0; j < 8; ++j) block[(ptrdiff_t)(k + j) * rows + i] = out[j];
      }
    }
  }
}

}  // namespace lacuna::kernels
