// Few rows of int8 activations times a packed weight, one panel after the other: m = 1..8, kInt8Wide in one block.
// linear_packed_int8_rows.cc walks four panels at once, which Intel's memory wants; AMD's wants one plain stream, and
// the cost table chooses.
//
//   per row of a panel   expanded in a register (packed-inl.h), then one VPDPBUSD a row of x with a broadcast operand
//   registers            low, high [M] int32 sums of the tile halves; sum [M] of the segment; fills
//   m = 1                VPDPBUSD takes 4 cycles: even and odd rows of each half have sums of their own, or two chains
//                        would take 2 cycles a row
//   period               inside the walk: t = low + high - z * sum(q), y = fma(float(t), fl(sx * sw), y)
//
// Measured on Zen 4 (3.66 GHz, one core, from L2, m = 1; four streams in chunks of 256 k in brackets), cycles a row:
// all int8 2.2 (2.9), all 4-bit 1.5 (3.1), bitmap int8 3.7 (4.1), bitmap 4-bit 4.0 (4.8). VPEXPANDB takes 1.3, KMOVQ 1,
// an unaligned load 1.5, VPDPBUSD 1. From memory (35 GB/s, two cores, 28672 x 4096), share of the streaming bandwidth:
// all int8 0.93 (0.68), 4-bit 0.90 (0.70), bitmap at 0.5 int8 0.93 (0.77), 4-bit 0.91 (0.78). Fetching: values of a
// bitmap and 4-bit codes 8 KiB ahead into L2 (into L1 costs a quarter of the bandwidth); all int8 is a stream that the
// processor sees by itself, and prefetches slow it.
//
// Two codebooks (razer), beside one (fp4): cycles a row from L2 2.0 (1.4), of bitmaps 3.3 (3.0); instructions for 64
// weights 10.6 (9.2) and 17.1 (16.4), at m = 4 17.6 (15.9) and 24.3 (23.5).
#include <immintrin.h>

#include "kernels/avx512/linear_packed.h"
#include "kernels/avx512/packed-inl.h"

namespace lacuna::kernels {
namespace {

template <class C>
using FetchFor = Fetching<!C::kBitmap && C::kType == PackedValues::kInt8 ? 0 : 8192, 2048, false>;

// y += of the period [k0, k1) whose dots are these.
template <int M>
inline __attribute__((always_inline)) void EndPeriod(const LinearPackedArgs& a, int panel, int k0, int k1,
                                                     const __m512i* dots, __m512* sum) {
  const PackedPanels* w = a.w;
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + k0 / w->group) * 16;
  // The next panel's, a panel ahead.
  Prefetch<false>((const char*)w->scales + (at + (ptrdiff_t)w->groups * 16) * (w->scales_f16 ? 2 : 4));
  const __m512 sw = w->scales_f16
                        ? _mm512_cvtph_ps(_mm256_load_si256((const __m256i*)((const uint16_t*)w->scales + at)))
                        : _mm512_load_ps((const float*)w->scales + at);
  const float* sx = a.x_scales + (ptrdiff_t)(k0 / a.activation_group) * a.x_rows;
  const int32_t* before = a.x_sums + (ptrdiff_t)(k0 / 32) * a.x_rows;
  const int32_t* after = a.x_sums + (ptrdiff_t)(k1 / 32) * a.x_rows;
  const __m512i z = w->zeros != nullptr ? _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i*)(w->zeros + at)))
                                        : _mm512_set1_epi32(w->bias);
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
    const __m512i zs = _mm512_mullo_epi32(z, _mm512_set1_epi32((int32_t)((uint32_t)after[i] - (uint32_t)before[i])));
    const __m512 t = _mm512_cvtepi32_ps(_mm512_sub_epi32(dots[i], zs));
    sum[i] = _mm512_fmadd_ps(t, _mm512_mul_ps(_mm512_set1_ps(sx[i]), sw), sum[i]);
  }
}

template <class C, int M>
__attribute__((noinline)) void Panel(const LinearPackedArgs& a, int panel) {
  // A VPDPBUSD takes four cycles: one row alone sums the even and the odd rows of each half.
  constexpr int kChains = M == 1 ? 2 : 1;
  const PackedPanels* w = a.w;
  const int segment = PackedSegment(w), period = PackedPeriod(w, a.activation_group);
  const __m512i table = C::kLookup ? _mm512_load_si512(w->codebook) : _mm512_setzero_si512();
  IntegerFill fill = ConstantFill<C>(w->bias);
  TileCursor cursor = CursorAt(w, panel, a.k_begin / 64);
  const PanelEnds ends = EndsOf(w, panel, panel + 1, a.k_begin / 64, a.k_end / 64);
  const int32_t* x = (const int32_t*)a.x + (ptrdiff_t)(a.k_begin / 4) * M;
  for (int k = a.k_begin; k < a.k_end;) {
    const bool first = k == a.k_begin;
    const int segment_end = (k / segment + 1) * segment < a.k_end ? (k / segment + 1) * segment : a.k_end;
    __m512 sum[M];
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) sum[i] = _mm512_setzero_ps();
    while (k < segment_end) {
      // Periods of 32 come in pairs: the two halves of a tile.
      int k1 = period <= 64 ? k + 64 : (k / period + 1) * period;
      if (k1 > segment_end) k1 = segment_end;
      if (FillChanges<C>(w)) fill = FillAt<C>(w, panel, k);
      __m512i low[kChains * M], high[kChains * M];
#pragma GCC unroll 8
      for (int i = 0; i < kChains * M; ++i) low[i] = high[i] = _mm512_setzero_si512();
      for (int t = (k1 - k) / 64; t > 0; --t) {
        ExpandTile<C, FetchFor<C>>(
            &cursor, ends, fill, table,
            [&](int r, __m512i u) __attribute__((always_inline)) {
#pragma GCC unroll 8
              for (int i = 0; i < M; ++i) {
                __m512i* c = low + i * kChains + r % kChains;
                *c = _mm512_dpbusd_epi32(*c, u, _mm512_set1_epi32(x[r * M + i]));
              }
            },
            [&](int r, __m512i u) __attribute__((always_inline)) {
#pragma GCC unroll 8
              for (int i = 0; i < M; ++i) {
                __m512i* c = high + i * kChains + r % kChains;
                *c = _mm512_dpbusd_epi32(*c, u, _mm512_set1_epi32(x[(r + 8) * M + i]));
              }
            });
        x += 16 * M;
      }
      __m512i a0[M], a1[M];
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        a0[i] = low[i * kChains];
        a1[i] = high[i * kChains];
        if (kChains == 2) {
          a0[i] = _mm512_add_epi32(a0[i], low[i * kChains + kChains - 1]);
          a1[i] = _mm512_add_epi32(a1[i], high[i * kChains + kChains - 1]);
        }
        if (C::kHighShift != 0) a1[i] = _mm512_srai_epi32(a1[i], C::kHighShift);
        if (period != 32) a0[i] = _mm512_add_epi32(a0[i], a1[i]);
      }
      EndPeriod<M>(a, panel, k, period == 32 ? k + 32 : k1, a0, sum);
      if (period == 32) EndPeriod<M>(a, panel, k + 32, k1, a1, sum);
      k = k1;
    }
    float* y = a.y + (ptrdiff_t)(panel - a.panel_begin) * 16;
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i, y += a.y_stride) {
      _mm512_storeu_ps(y, first ? sum[i] : _mm512_add_ps(_mm512_loadu_ps(y), sum[i]));
    }
  }
}

template <int M>
struct Panels {
  const LinearPackedArgs& a;

  template <class C>
  inline void Run() const {
    for (int panel = a.panel_begin; panel < a.panel_end; ++panel) Panel<C, M>(a, panel);
  }
};

}  // namespace

void Avx512LinearPackedInt8Stream(const LinearPackedArgs& a) {
  switch (a.m) {
    case 1:
      return WithIntegerCodec(a.w, Panels<1>{a});
    case 2:
      return WithIntegerCodec(a.w, Panels<2>{a});
    case 3:
      return WithIntegerCodec(a.w, Panels<3>{a});
    case 4:
      return WithIntegerCodec(a.w, Panels<4>{a});
    case 5:
      return WithIntegerCodec(a.w, Panels<5>{a});
    case 6:
      return WithIntegerCodec(a.w, Panels<6>{a});
    case 7:
      return WithIntegerCodec(a.w, Panels<7>{a});
    default:
      return WithIntegerCodec(a.w, Panels<8>{a});
  }
}

}  // namespace lacuna::kernels
