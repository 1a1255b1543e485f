// Packed weights on tiles, m <= 16: one tile of x, four panels at once, so that eight streams are in flight.
//
//   tmm0-3 C of panel 0-3     tmm4 A     tmm5-7 B in turn
//
// A step expands a tile of each panel to L1, drains the periods that the step before last ended, and multiplies what
// the step before expanded: a tile load waits for stores that have retired, so with one tile between them both wait for
// the products. Int8 with all weights stored is multiplied where it lies.
//
// Measured (Xeon with AMX_FP16, 2 threads, N = K = 4096, sets over 0.6 GB), share of a read's bandwidth at M = 1 / 16:
//   int8 101 / 93 %     int4, groups of 128 101 / 86 %     bitmap at 50 %: int8 101 / 95 %, int4 85 / 64 %
// Bitmaps of 4 bits are bound by instructions: 64 cycles of port 5 a tile, 76 with its load and product.
// Counted since, not measured: instructions a product at M = 16, groups of 128, are 194 for int4 (221 when that was
// measured), 280 for bitmap-int4 (307).
#include "kernels/amx/linear.h"
#include "kernels/amx/packed-inl.h"
#include "kernels/amx/packed_rows.h"

namespace lacuna::kernels {
namespace {

// Between a load of values and their prefetch; and the same for masks, in tiles.
constexpr ptrdiff_t kAhead = 1024;
constexpr int kMaskTilesAhead = 4;

// One walk over P panels for one row block.
template <Kind kKind, bool kZeros, bool kHalves, int P>
struct Walk {
  static constexpr int kTileK = kKind == Kind::kBf16Bitmap ? 32 : 64;
  static constexpr bool kDirect = kKind == Kind::kInt8All && !kHalves;
  static constexpr int kTileBytes = kHalves ? 2048 : 1024;
  static constexpr int kMaskBytes = kKind == Kind::kBf16Bitmap ? 64 : 128;

  const LinearPackedArgs& a;
  const int panel, block, rows;
  __m512i table;
  PanelStream stream[P];
  const uint8_t* end[P];  // of the values that prefetches may still reach
  ptrdiff_t ahead[P], mask_ahead;
  alignas(64) char expanded[2][P][kDirect ? 64 : kTileBytes];
  alignas(64) int32_t c[P][kHalves ? 2 : 1][256];
  alignas(64) float sum[P][256];  // of the segment
  alignas(64) int32_t corrections[16];

  LACUNA_INLINE Walk(const LinearPackedArgs& args, int first_panel, int row_block)
      : a(args), panel(first_panel), block(row_block), rows(Least(16, args.m - row_block * 16)) {
    table = CodeTable<kKind, kZeros>(a.w);
    mask_ahead = kMaskTilesAhead * kMaskBytes;
    for (int q = 0; q < P; ++q) {
      stream[q] = StreamAt<kKind>(a.w, panel + q, a.k_begin / kTileK);
      ahead[q] = kAhead;
      end[q] = a.w->values + (a.w->panel_bases != nullptr ? (ptrdiff_t)a.w->panel_bases[panel + q + 1]
                                                          : (panel + q + 1) * a.w->panel_bytes);
      if constexpr (kHalves) {
        ClearHalves(expanded[0][q]);
        ClearHalves(expanded[1][q]);
      }
    }
  }

  // Where a panel ends, prefetches go on to the panel that its place in the walk has next.
  LACUNA_INLINE void TurnPrefetch(int tiles_left) {
    const int next = panel + P;
    if (next + P > a.w->panels) return;
    if (tiles_left == kMaskTilesAhead) mask_ahead += (ptrdiff_t)(P - 1) * a.w->tiles * kMaskBytes;
    for (int q = 0; q < P; ++q) {
      if (stream[q].values + ahead[q] < end[q]) continue;
      ahead[q] += StreamAt<kKind>(a.w, next + q, a.k_begin / kTileK).values - end[q];
      end[q] = (const uint8_t*)UINTPTR_MAX;
    }
  }

  LACUNA_INLINE char* Buffer(int q, int k) { return expanded[(unsigned)k / kTileK % 2][q]; }

  template <int q>
  LACUNA_INLINE void Expand(int k) {
    if constexpr (kDirect) return;
    __m512i zero_low{}, zero_high{};
    if constexpr (kZeros || Selects(kKind)) {
      zero_low = ZerosOrSelectors<kKind, kZeros>(a.w, panel + q, k);
      zero_high = kHalves ? ZerosOrSelectors<kKind, kZeros>(a.w, panel + q, k + 32) : zero_low;
    }
    ExpandTile<kKind, kZeros, kHalves>(&stream[q], table, zero_low, zero_high, ahead[q], mask_ahead, Buffer(q, k));
  }

  // The tiles that all panels read directly. Line by line over the panels: that order is worth some bandwidth.
  LACUNA_INLINE void PrefetchDirect() {
#pragma GCC unroll 16
    for (int r = 0; r < 16; ++r) {
#pragma GCC unroll 4
      for (int q = 0; q < P; ++q) _mm_prefetch((const char*)stream[q].values + ahead[q] + r * 64, _MM_HINT_T0);
    }
  }

  // The tile of panel q that the step before expanded.
  template <int q>
  LACUNA_INLINE void Multiply(int k, bool first, bool last) {
    constexpr int kB = 5 + q % 3;
    const char* b = Buffer(q, k - kTileK);
    if constexpr (kDirect) {
      b = (const char*)stream[q].values;
      stream[q].values += 1024;
    }
    if constexpr (kHalves) {
      LACUNA_TILE_LOAD(q, kZeroTile, 64);
      LACUNA_TILE_LOAD(kB, b, 64);
      LACUNA_TILE_DPBSSD(q, 4, kB);
      LACUNA_TILE_STORE(q, c[q][0], 64);
      LACUNA_TILE_LOAD(q, kZeroTile, 64);
      LACUNA_TILE_LOAD_AT(kB, b, 64, 1024);
      LACUNA_TILE_DPBSSD(q, 4, kB);
      LACUNA_TILE_STORE(q, c[q][1], 64);
    } else {
      if (first) LACUNA_TILE_LOAD(q, kZeroTile, 64);
      LACUNA_TILE_LOAD(kB, b, 64);
      if constexpr (kKind == Kind::kBf16Bitmap) {
        LACUNA_TILE_DPBF16PS(q, 4, kB);
      } else if constexpr (kDirect) {
        LACUNA_TILE_DPBSUD(q, 4, kB);
      } else {
        LACUNA_TILE_DPBSSD(q, 4, kB);
      }
      if (last) LACUNA_TILE_STORE(q, c[q][0], 64);
    }
  }

  // The period [k0, k1) of panel q into its sum.
  LACUNA_INLINE void DrainPeriod(int q, const int32_t* from, int k0, int k1) {
    const __m512 sw = WeightScales(a.w, panel + q, k0);
    const float* sx = XScales(a, block * 16, k0);
    float* to = sum[q];
    if constexpr (kDirect) Corrections(a, block * 16, rows, k0, k1, corrections);
    const auto row = [&](int i) __attribute__((always_inline)) {
      __m512i t = _mm512_load_si512(from + i * 16);
      if constexpr (kDirect) t = _mm512_sub_epi32(t, _mm512_set1_epi32(corrections[i]));
      _mm512_store_ps(to + i * 16, Drained(t, sx[i], sw, _mm512_load_ps(to + i * 16)));
    };
    // Fours written out: unrolled by the compiler, each row has its test for the end.
    int i = 0;
#pragma GCC unroll 1
    for (; i + 4 <= rows; i += 4) {
      row(i);
      row(i + 1);
      row(i + 2);
      row(i + 3);
    }
    for (; i < rows; ++i) row(i);
  }
  // k0 is where the period began that ended before k1.
  LACUNA_INLINE void Drain(int q, int k0, int k1) {
    if constexpr (kKind == Kind::kBf16Bitmap) return;
    if constexpr (kHalves) {
      DrainPeriod(q, c[q][0], k1 - 64, k1 - 32);
      DrainPeriod(q, c[q][1], k1 - 32, k1);
    } else {
      DrainPeriod(q, c[q][0], k0, k1);
    }
  }

  // What a step of all panels does: k is where its expansion is.
  struct Step {
    int k;
    bool expand, multiply, first, last;  // first and last of a period
    bool drain;                          // the period [k0, k1)
    int k0, k1;
  };

  template <int q>
  LACUNA_INLINE void Slot(const Step& step) {
    if (step.expand) Expand<q>(step.k);
    if (step.drain) Drain(q, step.k0, step.k1);
    if (step.multiply) Multiply<q>(step.k, step.first, step.last);
  }

  // Columns [begin, k_end) of one segment: y = or += its sums.
  LACUNA_INLINE void Segment(int begin, int k_end) {
    if constexpr (kKind != Kind::kBf16Bitmap) {
      for (int q = 0; q < P; ++q) {
        for (int i = 0; i < rows; ++i) _mm512_store_ps(sum[q] + i * 16, _mm512_setzero_ps());
      }
    }
    // With bf16 weights a segment is one period, and there is nothing to drain.
    const int period = kKind == Kind::kBf16Bitmap ? k_end : PackedPeriod(a.w, a.activation_group);
    const int stride = kHalves ? kTileK : period;
    int period_begin = begin, period_end = begin + stride;
    Step step{};
    for (int k = begin; k <= k_end + kTileK; k += kTileK) {
      step.k = k;
      step.drain = step.last;
      step.k0 = period_begin;
      step.k1 = k - kTileK;
      if (step.last) period_begin = step.k1;
      step.expand = k < k_end;
      step.multiply = k > begin && k <= k_end;
      step.first = step.k1 == period_begin;
      step.last = step.multiply && (k == k_end || k == period_end);
      if (k == period_end) period_end += stride;
      if (step.expand) {
        TurnPrefetch((a.k_end - k) / kTileK);
        if constexpr (kDirect) PrefetchDirect();
      }
      if (step.multiply) LACUNA_TILE_LOAD(4, XTile<kKind>(a, k - kTileK, block), 64);
      Slot<0>(step);
      if constexpr (P > 1) Slot<1>(step);
      if constexpr (P > 2) Slot<2>(step);
      if constexpr (P > 3) Slot<3>(step);
    }
    for (int q = 0; q < P; ++q) {
      const float* from = kKind == Kind::kBf16Bitmap ? (const float*)c[q][0] : sum[q];
      float* y = a.y + block * 16 * a.y_stride + (panel + q - a.panel_begin) * 16;
      for (int i = 0; i < rows; ++i) {
        __m512 v = _mm512_load_ps(from + i * 16);
        if (begin > a.k_begin) v = _mm512_add_ps(_mm512_loadu_ps(y + i * a.y_stride), v);
        _mm512_storeu_ps(y + i * a.y_stride, v);
      }
    }
  }
};

template <Kind kKind, bool kZeros, bool kHalves, int P>
__attribute__((noinline)) void Panels(const LinearPackedArgs& a, int panel, int block) {
  Walk<kKind, kZeros, kHalves, P> walk(a, panel, block);
  const int segment = PackedSegment(a.w);
  for (int k = a.k_begin; k < a.k_end;) {
    const int k_end = Least(a.k_end, (k / segment + 1) * segment);
    walk.Segment(k, k_end);
    k = k_end;
  }
}

template <Kind kKind, bool kZeros, bool kHalves>
inline void AllPanels(const LinearPackedArgs& a, int block) {
  int panel = a.panel_begin;
  for (; panel + 4 <= a.panel_end; panel += 4) Panels<kKind, kZeros, kHalves, 4>(a, panel, block);
  for (; panel < a.panel_end; ++panel) Panels<kKind, kZeros, kHalves, 1>(a, panel, block);
}

template <Kind kKind, bool kZeros>
inline void Int8(const LinearPackedArgs& a, int block) {
  if (PackedPeriod(a.w, a.activation_group) == 32) {
    AllPanels<kKind, kZeros, true>(a, block);
  } else {
    AllPanels<kKind, kZeros, false>(a, block);
  }
}

}  // namespace

void AmxPackedRowBlock(const LinearPackedArgs& a, int block) {
  const bool bitmap = a.w->mask != nullptr;
  if (a.w->type == PackedValues::kBf16) {
    AllPanels<Kind::kBf16Bitmap, false, false>(a, block);
  } else if (a.w->type == PackedValues::kInt8) {
    bitmap ? Int8<Kind::kInt8Bitmap, false>(a, block) : Int8<Kind::kInt8All, false>(a, block);
  } else if (a.w->scale_selects) {
    bitmap ? Int8<Kind::kSelectBitmap, false>(a, block) : Int8<Kind::kSelectAll, false>(a, block);
  } else if (a.w->zeros != nullptr) {
    bitmap ? Int8<Kind::kCode4Bitmap, true>(a, block) : Int8<Kind::kCode4All, true>(a, block);
  } else {
    bitmap ? Int8<Kind::kCode4Bitmap, false>(a, block) : Int8<Kind::kCode4All, false>(a, block);
  }
}

void AmxLinearPackedInt8Few(const LinearPackedArgs& args) { AmxPackedRowBlock(args, 0); }

void AmxLinearPackedBf16Few(const LinearPackedArgs& args) { AmxPackedRowBlock(args, 0); }

}  // namespace lacuna::kernels
