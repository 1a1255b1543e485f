// Few rows of int8 activations times a packed weight that streams from memory: m = 1..8, kInt8Wide in one block.
//
//   per row of a panel   expanded in a register (packed-inl.h), then one VPDPBUSD a row of x with a broadcast operand
//   registers            low, high [M] int32 sums of the tile halves; fills and masks
//   streams              up to kStreams panels, a part of the range each, walked side by side a chunk of K at a time:
//   one
//                        core gets about 10 % more from memory with four streams than with one. Their sums wait in
//                        L1 between chunks: a load and a store for 16 to 64 rows.
//   period               t = low + high - z * sum(q), y = fma(float(t), fl(sx * sw), y)
//
// Port 5 bounds a bitmap's row: 3 cycles, or 4 with a lookup, each for 8 + 32 d bytes of 4-bit codes at density d or
// 8 + 64 d of int8. Measured from L2 on an Intel with AMX at 3.2 GHz (cycles a row): all int8 4.1 (its lines), all
// 4-bit 1.8, bitmap int8 3.0, bitmap 4-bit 3.7 (the `and` takes port 5 at times), with lookup 4.2. From memory at 17
// GB/s a core a row of 4-bit codes at density 0.3, 0.5, 0.7 takes 3.3, 4.5, 5.7 cycles: sparse codes come near the
// vector ports. Two cores, one row, 28672 x 4096, share of the streaming bandwidth: all int8 0.98, 4-bit 0.92; bitmap
// at 0.3, 0.5, 0.7: int8 0.91, 0.94, 0.94, 4-bit 0.79, 0.91, 0.95; a fitted codebook 0.94, its bitmap at 0.5 0.85.
#include <immintrin.h>

#include "kernels/avx512/linear_packed.h"
#include "kernels/avx512/packed-inl.h"

namespace lacuna::kernels {
namespace {

constexpr int kStreams = 4, kChunkK = 256, kMaxRows = 8;

// What the sums of a panel are while its K goes by.
struct alignas(64) PanelState {
  __m512i low[kMaxRows], high[kMaxRows];
  __m512 sum[kMaxRows];  // of the segment
  const uint8_t* values;
  const char* mask;
  PanelEnds ends;
  int panel, next_panel;
};

// Of the period that ends: scale and sum(q) (times the bias where there are no zero points) of each row.
struct PeriodInput {
  const float* scales;
  alignas(32) int32_t sums[kMaxRows];
  int group;
};

inline PeriodInput InputOf(const LinearPackedArgs& a, int k0, int k1) {
  PeriodInput p;
  p.scales = a.x_scales + (ptrdiff_t)(k0 / a.activation_group) * a.x_rows;
  p.group = k0 / a.w->group;
  const __mmask8 rows = (__mmask8)((1u << a.m) - 1);
  const __m256i before = _mm256_maskz_loadu_epi32(rows, a.x_sums + (ptrdiff_t)(k0 / 32) * a.x_rows);
  __m256i sum = _mm256_maskz_loadu_epi32(rows, a.x_sums + (ptrdiff_t)(k1 / 32) * a.x_rows);
  sum = _mm256_sub_epi32(sum, before);
  if (a.w->zeros == nullptr) sum = _mm256_mullo_epi32(sum, _mm256_set1_epi32(a.w->bias));
  _mm256_store_si256((__m256i*)p.sums, sum);
  return p;
}

// Those of the panel that is read next are asked for on the way.
inline __m512 WeightScales(const PackedPanels* w, int panel, int next_panel, int group) {
  const ptrdiff_t at = ((ptrdiff_t)panel * w->groups + group) * 16;
  Prefetch((const char*)w->scales + ((ptrdiff_t)next_panel * w->groups + group) * (w->scales_f16 ? 32 : 64));
  return w->scales_f16 ? _mm512_cvtph_ps(_mm256_load_si256((const __m256i*)((const uint16_t*)w->scales + at)))
                       : _mm512_load_ps((const float*)w->scales + at);
}

// dots[i] of a period into sum[i].
template <int M>
inline __attribute__((always_inline)) void EndPeriod(const PackedPanels* w, const PeriodInput& p, const PanelState* s,
                                                     const __m512i* dots, __m512* sum) {
  const __m512 sw = WeightScales(w, s->panel, s->next_panel, p.group);
  __m512i z = _mm512_set1_epi32(1);
  if (w->zeros != nullptr) {
    const ptrdiff_t at = ((ptrdiff_t)s->panel * w->groups + p.group) * 16;
    z = _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i*)(w->zeros + at)));
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
    __m512i zs = _mm512_set1_epi32(p.sums[i]);
    if (w->zeros != nullptr) zs = _mm512_mullo_epi32(z, zs);
    const __m512 t = _mm512_cvtepi32_ps(_mm512_sub_epi32(dots[i], zs));
    sum[i] = _mm512_fmadd_ps(t, _mm512_mul_ps(_mm512_set1_ps(p.scales[i]), sw), sum[i]);
  }
}

// `tiles` tiles of one panel: x is [k / 4][M]. Returns where the next tile's values are. Scalars and registers only: a
// cursor in memory, read back as a vector, would wait for its stores and with it everything after.
template <class C, int M>
__attribute__((noinline)) const uint8_t* TileDots(const uint8_t* values, const char* mask, const PanelEnds* ends,
                                                  const int32_t* x, int tiles, __m512i fill_low, __m512i fill_high,
                                                  const void* codebook, __m512i* low_sums, __m512i* high_sums) {
  const __m512i table = C::kLookup ? _mm512_load_si512(codebook) : _mm512_setzero_si512();
  const IntegerFill fill = {fill_low, fill_high};
  const PanelEnds bounds = *ends;
  TileCursor cursor = {values, mask};
  __m512i low[M], high[M];
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
    low[i] = low_sums[i];
    high[i] = high_sums[i];
  }
  for (int t = 0; t < tiles; ++t) {
    ExpandTile<C>(
        &cursor, bounds, fill, table,
        [&](int r, __m512i u) __attribute__((always_inline)) {
#pragma GCC unroll 8
          for (int i = 0; i < M; ++i) low[i] = _mm512_dpbusd_epi32(low[i], u, _mm512_set1_epi32(x[r * M + i]));
        },
        [&](int r, __m512i u) __attribute__((always_inline)) {
#pragma GCC unroll 8
          for (int i = 0; i < M; ++i) high[i] = _mm512_dpbusd_epi32(high[i], u, _mm512_set1_epi32(x[(r + 8) * M + i]));
        });
    x += 16 * M;
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) {
    low_sums[i] = low[i];
    high_sums[i] = high[i];
  }
  return cursor.values;
}

template <class C, int M>
__attribute__((noinline)) void Streams(const LinearPackedArgs& a, PanelState* states, int streams) {
  const PackedPanels* w = a.w;
  const int segment = PackedSegment(w), period = PackedPeriod(w, a.activation_group);
  IntegerFill fill = ConstantFill<C>(w->bias);
  for (int q = 0; q < streams; ++q) {
    const TileCursor cursor = CursorAt(w, states[q].panel, a.k_begin / 64);
    states[q].values = cursor.values;
    states[q].mask = cursor.mask;
    states[q].ends = EndsOf(w, states[q].panel, states[q].next_panel, a.k_begin / 64, a.k_end / 64);
    for (int i = 0; i < M; ++i) {
      states[q].low[i] = states[q].high[i] = _mm512_setzero_si512();
      states[q].sum[i] = _mm512_setzero_ps();
    }
  }
  int k0 = a.k_begin;  // of the period
  for (int k = a.k_begin; k < a.k_end;) {
    const int segment_end = (k / segment + 1) * segment < a.k_end ? (k / segment + 1) * segment : a.k_end;
    // Periods of 32 come in pairs: the two halves of a tile.
    int k1 = period <= 64 ? k + 64 : (k / period + 1) * period;
    if (k1 > segment_end) k1 = segment_end;
    const bool ends = k1 - k <= kChunkK;
    const int next = ends ? k1 : k + kChunkK;
    PeriodInput first, second;
    if (ends) {
      first = InputOf(a, k0, period == 32 ? k0 + 32 : k1);
      if (period == 32) second = InputOf(a, k0 + 32, k1);
    }
    const int32_t* x = (const int32_t*)a.x + (ptrdiff_t)(k / 4) * M;
    for (int q = 0; q < streams; ++q) {
      PanelState* s = states + q;
      if (FillChanges<C>(w)) fill = FillAt<C>(w, s->panel, k);
      const int tiles = (next - k) / 64;
      s->values =
          TileDots<C, M>(s->values, s->mask, &s->ends, x, tiles, fill.low, fill.high, w->codebook, s->low, s->high);
      if (C::kBitmap) s->mask += 128 * tiles;
      if (!ends) continue;
      __m512i low[M], high[M];
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        low[i] = s->low[i];
        high[i] = C::kHighShift == 0 ? s->high[i] : _mm512_srai_epi32(s->high[i], C::kHighShift);
        s->low[i] = s->high[i] = _mm512_setzero_si512();
      }
      if (period == 32) {
        EndPeriod<M>(w, first, s, low, s->sum);
        EndPeriod<M>(w, second, s, high, s->sum);
      } else {
#pragma GCC unroll 8
        for (int i = 0; i < M; ++i) low[i] = _mm512_add_epi32(low[i], high[i]);
        EndPeriod<M>(w, first, s, low, s->sum);
      }
      if (next < segment_end) continue;
      float* y = a.y + (ptrdiff_t)(s->panel - a.panel_begin) * 16;
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i, y += a.y_stride) {
        _mm512_storeu_ps(y, next <= a.k_begin + segment ? s->sum[i] : _mm512_add_ps(_mm512_loadu_ps(y), s->sum[i]));
        s->sum[i] = _mm512_setzero_ps();
      }
    }
    if (ends) k0 = next;
    k = next;
  }
}

template <int M>
struct Rows {
  const LinearPackedArgs& a;

  template <class C>
  inline void Run() const {
    PanelState states[kStreams];
    const int panels = a.panel_end - a.panel_begin, each = panels / kStreams;
    for (int p = 0; p < each; ++p) {
      for (int q = 0; q < kStreams; ++q) {
        states[q].panel = a.panel_begin + q * each + p;
        // After the range, callers go on with the next one.
        states[q].next_panel = p + 1 < each ? states[q].panel + 1 : a.panel_end + q * each;
      }
      Streams<C, M>(a, states, kStreams);
    }
    const int rest = panels - each * kStreams;
    for (int q = 0; q < rest; ++q) {
      states[q].panel = a.panel_begin + each * kStreams + q;
      states[q].next_panel = a.panel_end + q;
    }
    if (rest > 0) Streams<C, M>(a, states, rest);
  }
};

}  // namespace

void Avx512LinearPackedInt8Rows(const LinearPackedArgs& a) {
  switch (a.m) {
    case 1:
      return WithIntegerCodec(a.w, Rows<1>{a});
    case 2:
      return WithIntegerCodec(a.w, Rows<2>{a});
    case 3:
      return WithIntegerCodec(a.w, Rows<3>{a});
    case 4:
      return WithIntegerCodec(a.w, Rows<4>{a});
    case 5:
      return WithIntegerCodec(a.w, Rows<5>{a});
    case 6:
      return WithIntegerCodec(a.w, Rows<6>{a});
    case 7:
      return WithIntegerCodec(a.w, Rows<7>{a});
    default:
      return WithIntegerCodec(a.w, Rows<8>{a});
  }
}

}  // namespace lacuna::kernels
