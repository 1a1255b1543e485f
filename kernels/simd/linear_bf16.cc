// bf16 linear layers for AVX2 and FMA: one panel (two vectors of 8 channels) x up to 3 rows.
//
//   registers     e,o [3 rows][2 halves] = 12;  the even or the odd k of a panel's row, 2 halves = 2;  a broadcast; a
//   mask w             8 steps of a panel (8 KiB, L1) serve 48 rows c             [48 rows][16 channels] on the stack
//   x             kWide in blocks of 3 rows
#include "kernels/simd/linear.h"

#include <immintrin.h>

namespace lacuna::kernels {
namespace {

enum { kBlockRows = 3, kGroupRows = 48, kChunkSteps = 8 };

template <int R>
void Steps(const char* w, int steps, const float* x, float* c) {
  const __m256 mask = _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000u));
  for (int s = 0; s < steps; ++s) {
    __m256 e[R][2], o[R][2];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) e[i][0] = e[i][1] = o[i][0] = o[i][1] = _mm256_setzero_ps();
#pragma GCC unroll 4
    for (int p = 0; p < 16; ++p) {
      const char* row = w + p * 64;
      _mm_prefetch(row + 4096, _MM_HINT_T0);
      const __m256 e0 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_load_si256((const __m256i*)row), 16));
      const __m256 e1 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_load_si256((const __m256i*)(row + 32)), 16));
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) {
        const __m256 xe = _mm256_broadcast_ss(x + 2 * p * R + i);
        e[i][0] = _mm256_fmadd_ps(xe, e0, e[i][0]);
        e[i][1] = _mm256_fmadd_ps(xe, e1, e[i][1]);
      }
      const __m256 o0 = _mm256_and_ps(_mm256_load_ps((const float*)row), mask);
      const __m256 o1 = _mm256_and_ps(_mm256_load_ps((const float*)(row + 32)), mask);
#pragma GCC unroll 4
      for (int i = 0; i < R; ++i) {
        const __m256 xo = _mm256_broadcast_ss(x + (2 * p + 1) * R + i);
        o[i][0] = _mm256_fmadd_ps(xo, o0, o[i][0]);
        o[i][1] = _mm256_fmadd_ps(xo, o1, o[i][1]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 2
      for (int h = 0; h < 2; ++h) {
        float* to = c + i * 16 + h * 8;
        _mm256_store_ps(to, _mm256_add_ps(_mm256_load_ps(to), _mm256_add_ps(e[i][h], o[i][h])));
      }
    }
    w += 1024;
    x += 32 * R;
  }
}

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
          const char* tile = w + (ptrdiff_t)k * 32;
          for (int row = 0; row < rows; row += kBlockRows) {
            const int block = rows - row < kBlockRows ? rows - row : kBlockRows;
            const float* from = x + (ptrdiff_t)row * a.k_padded + (ptrdiff_t)k * block;
            if (block == 3) {
              Steps<3>(tile, steps, from, c + row * 16);
            } else if (block == 2) {
              Steps<2>(tile, steps, from, c + row * 16);
            } else {
              Steps<1>(tile, steps, from, c + row * 16);
            }
          }
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
