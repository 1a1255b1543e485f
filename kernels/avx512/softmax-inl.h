// Online softmax over 16 queries at a time, shared by the AVX-512 and AMX attention kernels: reductions over rows by a
// 16 x 16 transposing tree, so that m, l and r of 16 queries are one vector.
// For kernel files only: `static inline`, no templates, nothing of the standard library.
#pragma once

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "kernels/attention.h"
#include "kernels/avx512/math-inl.h"

namespace lacuna::kernels {

// One level of the tree over two vectors: their halves 8 apart, then 4, 2, 1. `OP` is _mm512_add_ps or _mm512_max_ps.
#define LACUNA_ROWS_TREE(OP, v, result)                                                                   \
  do {                                                                                                    \
    __m512 quad_[4];                                                                                      \
    _Pragma("GCC unroll 4") for (int e_ = 0; e_ < 4; ++e_) {                                              \
      const __m512 a_ = _mm512_load_ps((v) + 16 * e_), b_ = _mm512_load_ps((v) + 16 * (e_ + 4));          \
      const __m512 c_ = _mm512_load_ps((v) + 16 * (e_ + 8)), d_ = _mm512_load_ps((v) + 16 * (e_ + 12));   \
      const __m512 ab_ = OP(_mm512_shuffle_f32x4(a_, b_, 0x44), _mm512_shuffle_f32x4(a_, b_, 0xee));      \
      const __m512 cd_ = OP(_mm512_shuffle_f32x4(c_, d_, 0x44), _mm512_shuffle_f32x4(c_, d_, 0xee));      \
      quad_[e_] = OP(_mm512_shuffle_f32x4(ab_, cd_, 0x88), _mm512_shuffle_f32x4(ab_, cd_, 0xdd));         \
    }                                                                                                     \
    const __m512 low_ =                                                                                   \
        OP(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(quad_[0]), _mm512_castps_pd(quad_[1]))),  \
           _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(quad_[0]), _mm512_castps_pd(quad_[1])))); \
    const __m512 high_ =                                                                                  \
        OP(_mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(quad_[2]), _mm512_castps_pd(quad_[3]))),  \
           _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(quad_[2]), _mm512_castps_pd(quad_[3])))); \
    (result) = OP(_mm512_shuffle_ps(low_, high_, 0x88), _mm512_shuffle_ps(low_, high_, 0xdd));            \
  } while (0)

// v: 16 rows of 16 floats. Lane i of the result: the sum of row i's lanes, added 8, 4, 2, 1 apart; its maximum.
static inline __m512 RowSums(const float* v) {
  __m512 sums;
  LACUNA_ROWS_TREE(_mm512_add_ps, v, sums);
  return sums;
}
static inline __m512 RowMaxima(const float* v) {
  __m512 maxima;
  LACUNA_ROWS_TREE(_mm512_max_ps, v, maxima);
  return maxima;
}

// Slots of the block at `base` that a query at `position` sees.
static inline uint64_t VisibleSlots(int64_t base, int64_t position, int64_t window) {
  const int64_t first = window > 0 && position >= window ? position - window + 1 : 0;
  const int64_t begin = first > base ? first - base : 0;
  const int64_t end = position - base < 63 ? position - base + 1 : 64;
  if (begin >= end) return 0;
  const uint64_t below_end = end == 64 ? ~0ull : (1ull << end) - 1;
  return below_end & ~((1ull << begin) - 1);
}

// Takes a chunk's m, l, o of one query into the total, as the contract merges them.
static inline void MergeChunkAvx512(float m, float l, const float* o, int dims, float* total_m, float* total_l,
                                    float* total_o) {
  const float max = m > *total_m ? m : *total_m;
  const __m512 both = ExpAvx512(
      _mm512_sub_ps(_mm512_set_ps(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, m, *total_m), _mm512_set1_ps(max)));
  const __m512 r = _mm512_broadcastss_ps(_mm512_castps512_ps128(both));
  const __m512 c = _mm512_broadcastss_ps(_mm_movehdup_ps(_mm512_castps512_ps128(both)));
  *total_m = max;
  *total_l = __builtin_fmaf(*total_l, _mm512_cvtss_f32(r), l * _mm512_cvtss_f32(c));
  for (int d = 0; d < dims; d += 16) {
    const __m512 part = _mm512_mul_ps(_mm512_loadu_ps(o + d), c);
    _mm512_storeu_ps(total_o + d, _mm512_fmadd_ps(_mm512_loadu_ps(total_o + d), r, part));
  }
}

// out = o / l.
static inline void FinishQueryAvx512(const float* o, float l, int head_dim, float* out) {
  const __m512 divisor = _mm512_set1_ps(l);
  for (int d = 0; d < head_dim; d += 16) {
    _mm512_mask_storeu_ps(out + d, FirstLanes(head_dim - d), _mm512_div_ps(_mm512_loadu_ps(o + d), divisor));
  }
}

}  // namespace lacuna::kernels
