// Few rows times a bitmap of bf16 weights that streams from memory, for any way of multiplying (Dot): m = 1..8, kWide
// or kHalves in one block.
//
//   row of a panel   VPEXPANDW with zeros for gaps, then as in linear_rows-inl.h: even and odd chains, fresh every 32 k
//   registers        e, o, c [M]; the row; its even and odd k
//   streams          as in linear_packed_int8_rows.cc: up to four panels side by side, kChunkTiles at a time. kStream:
//                    one panel after the other, fetched into L2, which AMD wants: on Zen 4 (28672 x 4096, 35 GB/s) one
//                    row gets 96 % of the streaming bandwidth at density 0.5 and 93 at 0.3, two rows 95 and 75
//
// kmovd and vpexpandw take port 5 for 3 cycles a row, of 4 + 64 d bytes at density d.
// Template-only, in the including file's anonymous namespace: no weak symbols.
#pragma once

#include <immintrin.h>

#include "kernels/avx512/packed-inl.h"

namespace lacuna::kernels {
namespace {

constexpr int kBf16Streams = 4, kChunkTiles = 4;

// `tiles` tiles of one panel: adds their dots to c[M]. Returns where the next tile's values are.
template <class Dot, class F, int M>
__attribute__((noinline)) const uint8_t* BitmapDots(const uint8_t* values, const char* masks,
                                                    const PanelEnds* panel_ends, const float* x, int tiles,
                                                    __m512* sums) {
  const PanelEnds ends = *panel_ends;
  __m512 c[M];
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) c[i] = sums[i];
  for (int t = 0; t < tiles; ++t) {
    const uint32_t* mask = (const uint32_t*)masks;
    const ptrdiff_t values_ahead = Ahead((const char*)values, F::kValuesAhead, ends.values, ends.values_jump, 1024);
    Prefetch<F::kIntoL1>(masks + Ahead(masks, F::kMaskAhead, ends.mask, ends.mask_jump, 64));
    masks += 64;
    __m512 e[M], o[M];
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) e[i] = o[i] = _mm512_setzero_ps();
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      Prefetch<F::kIntoL1>(values + values_ahead);
      const __m512i row = ExpandWords(mask[p], _mm512_loadu_si512(values));
      values += 2 * _mm_popcnt_u32(mask[p]);
      const __m512 even = Dot::Even(row), odd = Dot::Odd(row);
#pragma GCC unroll 8
      for (int i = 0; i < M; ++i) {
        e[i] = Dot::Fma(x[2 * p * M + i], even, e[i]);
        o[i] = Dot::Fma(x[(2 * p + 1) * M + i], odd, o[i]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < M; ++i) c[i] = _mm512_add_ps(c[i], _mm512_add_ps(e[i], o[i]));
    x += 32 * M;
  }
#pragma GCC unroll 8
  for (int i = 0; i < M; ++i) sums[i] = c[i];
  return values;
}

template <bool kStream>
struct FetchOf : FetchNear {};
template <>
struct FetchOf<true> : FetchFar {};

struct alignas(64) BitmapState {
  __m512 sum[8];  // of the segment
  const uint8_t* values;
  const char* mask;
  PanelEnds ends;
  int panel, next_panel;
};

template <class Dot, bool kStream, int M>
void BitmapStreams(const LinearPackedArgs& a, BitmapState* states, int streams) {
  const PackedPanels* w = a.w;
  const int segment = PackedSegment(w);
  for (int q = 0; q < streams; ++q) {
    BitmapState* s = states + q;
    const TileCursor cursor = CursorAt(w, s->panel, a.k_begin / 32);
    s->values = cursor.values;
    s->mask = cursor.mask;
    s->ends = EndsOf(w, s->panel, s->next_panel, a.k_begin / 32, a.k_end / 32);
    for (int i = 0; i < M; ++i) s->sum[i] = _mm512_setzero_ps();
  }
  for (int k = a.k_begin; k < a.k_end;) {
    const int segment_end = (k / segment + 1) * segment < a.k_end ? (k / segment + 1) * segment : a.k_end;
    const int next = kStream || segment_end - k < 32 * kChunkTiles ? segment_end : k + 32 * kChunkTiles;
    const int tiles = (next - k) / 32;
    for (int q = 0; q < streams; ++q) {
      BitmapState* s = states + q;
      s->values = BitmapDots<Dot, FetchOf<kStream>, M>(s->values, s->mask, &s->ends,
                                                       (const float*)a.x + (ptrdiff_t)k * M, tiles, s->sum);
      s->mask += 64 * tiles;
      if (next < segment_end) continue;
      float* y = a.y + (ptrdiff_t)(s->panel - a.panel_begin) * 16;
      for (int i = 0; i < M; ++i, y += a.y_stride) {
        _mm512_storeu_ps(y, next <= a.k_begin + segment ? s->sum[i] : _mm512_add_ps(_mm512_loadu_ps(y), s->sum[i]));
        s->sum[i] = _mm512_setzero_ps();
      }
    }
    k = next;
  }
}

template <class Dot, bool kStream, int M>
void BitmapRows(const LinearPackedArgs& a) {
  constexpr int kMost = kStream ? 1 : kBf16Streams;
  BitmapState states[kMost];
  for (int panel = a.panel_begin; panel < a.panel_end; panel += kMost) {
    const int streams = a.panel_end - panel < kMost ? a.panel_end - panel : kMost;
    for (int q = 0; q < streams; ++q) {
      states[q].panel = panel + q;
      states[q].next_panel = panel + streams + q;  // after the range, callers go on with the next one
    }
    BitmapStreams<Dot, kStream, M>(a, states, streams);
  }
}

// m = 1..8.
template <class Dot, bool kStream = false>
inline void BitmapRowsUpTo8(const LinearPackedArgs& a) {
  switch (a.m) {
    case 1:
      return BitmapRows<Dot, kStream, 1>(a);
    case 2:
      return BitmapRows<Dot, kStream, 2>(a);
    case 3:
      return BitmapRows<Dot, kStream, 3>(a);
    case 4:
      return BitmapRows<Dot, kStream, 4>(a);
    case 5:
      return BitmapRows<Dot, kStream, 5>(a);
    case 6:
      return BitmapRows<Dot, kStream, 6>(a);
    case 7:
      return BitmapRows<Dot, kStream, 7>(a);
    default:
      return BitmapRows<Dot, kStream, 8>(a);
  }
}

}  // namespace
}  // namespace lacuna::kernels
