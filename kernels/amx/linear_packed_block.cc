// Packed weights on tiles, m > 16: 2 row blocks x 2 panels, so each step's 4 tile loads serve 4 products.
//
//   tmm0-3 C [row block][panel]     tmm4,5 A     tmm6,7 B
//
// K is cut into chunks, whose tiles are expanded once for all rows: while a chunk of two panels is multiplied, steps
// expand the next one's tiles in turn. A period that ends leaves its C in a buffer, and the steps that follow drain it
// into y; one that goes on (whole-row scales, bf16) leaves int32 or fp32 in y for the next chunk. Int8 with all weights
// stored is multiplied where it lies.
//
//   x fits L2      for panels: for chunks: for rows       weights are read from memory in order
//   x does not     for chunks: for panels: for rows       a chunk of x stays in L2 for all panels of the call
#include "kernels/amx/linear.h"
#include "kernels/amx/packed-inl.h"
#include "kernels/amx/packed_rows.h"

namespace lacuna::kernels {
namespace {

// More rows at once would cost more L2 than a second walk over the weights costs.
constexpr int kBytesOfXInL2 = 768 * 1024, kGroupRows = 544;
constexpr int kMostK = 1024;  // of a chunk
constexpr ptrdiff_t kAhead = 1024;

struct Work {
  int row, row_end, panel, k, k_end;
};

template <Kind kKind, bool kZeros, bool kHalves>
struct Block {
  static constexpr bool kBf16 = kKind == Kind::kBf16Bitmap;
  static constexpr bool kDirect = kKind == Kind::kInt8All && !kHalves;
  static constexpr int kTileK = kBf16 ? 32 : 64;
  static constexpr int kStepK = kHalves ? 32 : kTileK;

  const LinearPackedArgs& a;
  int chunk, segment, period, blocks;
  bool chunks_first;
  __m512i table;
  // Two panels of the chunk that is multiplied, and of the next one.
  alignas(64) char expanded[2][2][kDirect ? 64 : kMostK / kStepK * 1024];
  alignas(64) int32_t c[2][4][256];  // C of periods that ended: in turn, [row block][panel]
  alignas(64) float partial[32 * 32];

  // What is being expanded: tiles [tile, tiles) of each panel.
  struct {
    PanelStream stream[2];
    char* to[2];
    int panel, panels, k, tile, tiles;
    int budget;
  } next;

  // What is being drained: rows from `row` to 32.
  struct {
    const int32_t* from;
    float* to;
    ptrdiff_t stride;
    const float* sx[2];
    __m512 sw[2];
    int row = 32;
    int rows_at_once;
    __mmask16 add;  // to what is there
    alignas(64) int32_t corrections[2][16];
  } drain;

  LACUNA_INLINE explicit Block(const LinearPackedArgs& args) : a(args) {
    table = CodeTable<kKind, kZeros>(a.w);
    segment = PackedSegment(a.w);
    period = kBf16 ? segment : PackedPeriod(a.w, a.activation_group);
    blocks = (a.m + 15) / 16;
    if constexpr (kHalves) {
      for (int i = 0; i < 4; ++i) {
        for (int t = 0; t < kMostK / 64; ++t) ClearHalves(expanded[i / 2][i % 2] + t * 2048);
      }
    }
  }

  // Chunks as this kernel cuts them hold whole periods or lie in the only one, and whole segments or lie in the only
  // one.
  LACUNA_INLINE bool Cut() {
    const bool one_segment = a.k_begin / segment == (a.k_end - 1) / segment;
    const bool one_period = a.k_begin / period == (a.k_end - 1) / period;
    chunk = kMostK / 64 * kStepK;
    if (!one_segment) {
      chunk = segment;
    } else if (!one_period && period > chunk) {
      chunk = period;
    } else if (!one_period) {
      chunk = chunk / period * period;
    }
    return chunk <= kMostK;
  }

  LACUNA_INLINE Work First(int row) const {
    const int row_end = Least(a.m, row + kGroupRows);
    return {row, row_end, a.panel_begin, a.k_begin, ChunkEnd(a.k_begin)};
  }
  LACUNA_INLINE int ChunkEnd(int k) const { return Least(a.k_end, (k / chunk + 1) * chunk); }
  LACUNA_INLINE Work After(Work w) const {
    const bool more_k = w.k_end < a.k_end, more_panels = w.panel + 2 < a.panel_end;
    if (!more_k && !more_panels) return First(w.row_end);
    if (chunks_first ? !more_panels : more_k) {
      w.k = w.k_end;
      if (chunks_first) w.panel = a.panel_begin;
    } else {
      w.panel += 2;
      if (!chunks_first) w.k = a.k_begin;
    }
    w.k_end = ChunkEnd(w.k);
    return w;
  }

  LACUNA_INLINE void StartNext(const Work& w, int buffer) {
    next.panel = w.panel;
    next.panels = w.row < a.m ? Least(2, a.panel_end - w.panel) : 0;
    next.k = w.k;
    next.tile = 0;
    next.tiles = (w.k_end - w.k + kTileK - 1) / kTileK * next.panels;
    next.budget = 0;
    for (int q = 0; q < next.panels; ++q) {
      next.stream[q] = StreamAt<kKind>(a.w, w.panel + q, w.k / kTileK);
      next.to[q] = expanded[buffer][q];
    }
  }
  LACUNA_INLINE void ExpandOne() {
    const int q = next.panels == 2 ? next.tile & 1 : 0, t = next.panels == 2 ? next.tile >> 1 : next.tile;
    ++next.tile;
    if constexpr (kDirect) {
      const char* v = (const char*)next.stream[q].values + t * 1024;
      for (int r = 0; r < 16; ++r) _mm_prefetch(v + r * 64, _MM_HINT_T1);
    } else {
      __m512i zero_low{}, zero_high{};
      if constexpr (kZeros) {
        const int k = next.k + t * kTileK;
        zero_low = ZeroPoints(a.w, next.panel + q, k);
        zero_high = kHalves ? ZeroPoints(a.w, next.panel + q, k + 32) : zero_low;
      }
      ExpandTile<kKind, kZeros, kHalves>(&next.stream[q], table, zero_low, zero_high, kAhead, 512,
                                         next.to[q] + t * (kHalves ? 2048 : 1024));
    }
  }
  LACUNA_INLINE void FinishNext() {
    while (next.tile < next.tiles) ExpandOne();
  }

  LACUNA_INLINE void DrainRows(int rows) {
    const int half = drain.row >> 4;
    const int32_t* from = drain.from + half * 512 + (drain.row & 15) * 16;
    const float* sx = drain.sx[half] + (drain.row & 15);
    const int32_t* corrections = drain.corrections[half] + (drain.row & 15);
    float* to = drain.to + drain.row * drain.stride;
    const __m512 sw0 = drain.sw[0], sw1 = drain.sw[1];
#pragma GCC unroll 2
    for (int i = 0; i < rows; ++i) {
      __m512i t0 = _mm512_load_si512(from), t1 = _mm512_load_si512(from + 256);
      if constexpr (kDirect) {
        t0 = _mm512_sub_epi32(t0, _mm512_set1_epi32(corrections[i]));
        t1 = _mm512_sub_epi32(t1, _mm512_set1_epi32(corrections[i]));
      }
      _mm512_storeu_ps(to, Drained(t0, sx[i], sw0, _mm512_maskz_loadu_ps(drain.add, to)));
      _mm512_storeu_ps(to + 16, Drained(t1, sx[i], sw1, _mm512_maskz_loadu_ps(drain.add, to + 16)));
      from += 16;
      to += drain.stride;
    }
    drain.row += rows;
  }
  LACUNA_INLINE void DrainSome() {
    if (!kBf16 && drain.row < 32) DrainRows(drain.rows_at_once);
  }
  LACUNA_INLINE void FinishDrain() {
    while (drain.row < 32) DrainRows(2);
  }
  // Of period [k0, k1), whose C lie at `from`.
  LACUNA_INLINE void StartDrain(const Work& w, int row, int k0, int k1, const int32_t* from, float* to,
                                ptrdiff_t stride) {
    const int row1 = row + 16 < blocks * 16 ? row + 16 : row, panel1 = Least(w.panel + 1, a.panel_end - 1);
    drain.from = from;
    drain.to = to;
    drain.stride = stride;
    drain.sx[0] = XScales(a, row, k0);
    drain.sx[1] = XScales(a, row1, k0);
    drain.sw[0] = WeightScales(a.w, w.panel, k0);
    drain.sw[1] = WeightScales(a.w, panel1, k0);
    drain.row = 0;
    drain.rows_at_once = period >= 4 * kStepK ? 2 : period == 2 * kStepK ? 4 : 8;
    drain.add = k0 % segment == 0 || k0 == a.k_begin ? 0 : 0xffff;
    if constexpr (kDirect) {
      Corrections(a, row, 16, k0, k1, drain.corrections[0]);
      Corrections(a, row1, 16, k0, k1, drain.corrections[1]);
    }
  }

  // 2 x 2 C tiles in memory.
  struct Place {
    char* at;
    ptrdiff_t stride, block, panel;
  };
  LACUNA_INLINE Place InY(float* y, ptrdiff_t stride) const { return {(char*)y, stride * 4, stride * 64, 64}; }

#define DOT(c_tile, a_tile, b_tile)                 \
  do {                                              \
    if constexpr (kBf16) {                          \
      LACUNA_TILE_DPBF16PS(c_tile, a_tile, b_tile); \
    } else if constexpr (kDirect) {                 \
      LACUNA_TILE_DPBSUD(c_tile, a_tile, b_tile);   \
    } else {                                        \
      LACUNA_TILE_DPBSSD(c_tile, a_tile, b_tile);   \
    }                                               \
  } while (0)

  // One chunk for rows [row, row + 32). `turn` is the half of c that is free.
  LACUNA_INLINE void RowPair(const Work& w, int row, const char* w0, const char* w1, float* y, ptrdiff_t y_stride,
                             const float* y_next, int steps, int* turn) {
    const ptrdiff_t second = row + 16 < blocks * 16 ? 1 : 0;
    const Place in_y = InY(y, y_stride), none = {(char*)kZeroTile, 64, 0, 0};
    const char *x = nullptr, *x1 = nullptr;
    Place from = w.k % period == 0 || w.k == a.k_begin ? none : in_y;
    bool first = true;
    int period_begin = w.k / period * period;
    const int tiles = next.tiles;
    for (int k = w.k; k < w.k_end; k += kStepK) {
      if (k % kTileChunk == 0 || k == w.k) {
        x = XTile<kKind>(a, k / kTileK * kTileK, row / 16);
        x1 = second ? XTile<kKind>(a, k / kTileK * kTileK, row / 16 + 1) : x;
      }
      const bool ends = !kBf16 && ((k + kStepK) % period == 0 || k + kStepK >= a.k_end);
      const bool last = ends || k + kStepK >= w.k_end;
      const Place to = ends ? Place{(char*)c[*turn], 64, 2048, 1024} : in_y;
      next.budget += tiles;
      // C of the rows that come next.
      {
        const float* ahead = y_next + ((k - w.k) / kStepK & 15) * 2 * y_stride;
        _mm_prefetch((const char*)ahead, _MM_HINT_T0);
        _mm_prefetch((const char*)(ahead + 16), _MM_HINT_T0);
        _mm_prefetch((const char*)(ahead + y_stride), _MM_HINT_T0);
        _mm_prefetch((const char*)(ahead + y_stride + 16), _MM_HINT_T0);
      }
      LACUNA_TILE_LOAD(6, w0, 64);
      LACUNA_TILE_LOAD_STREAM(4, x, 64);
      if (first) LACUNA_TILE_LOAD(0, from.at, from.stride);
      DOT(0, 4, 6);
      while (next.budget >= steps) {
        next.budget -= steps;
        if (next.tile < tiles) ExpandOne();
      }
      LACUNA_TILE_LOAD(7, w1, 64);
      if (last) LACUNA_TILE_STORE(0, to.at, to.stride);
      if (first) LACUNA_TILE_LOAD(1, from.at + from.panel, from.stride);
      DOT(1, 4, 7);
      DrainSome();
      LACUNA_TILE_LOAD_STREAM(5, x1, 64);
      if (last) LACUNA_TILE_STORE(1, to.at + to.panel, to.stride);
      if (first) LACUNA_TILE_LOAD(2, from.at + from.block, from.stride);
      DOT(2, 5, 6);
      DrainSome();
      if (last) LACUNA_TILE_STORE(2, to.at + to.block, to.stride);
      if (first) LACUNA_TILE_LOAD(3, from.at + from.block + from.panel, from.stride);
      DOT(3, 5, 7);
      DrainSome();
      if (last) LACUNA_TILE_STORE(3, to.at + to.block + to.panel, to.stride);
      DrainSome();

      first = last;
      from = none;
      if (ends) {
        FinishDrain();
        StartDrain(w, row, period_begin, k + kStepK, c[*turn][0], y, y_stride);
        period_begin = k + kStepK;
        *turn ^= 1;
      }
      w0 += 1024;
      w1 += 1024;
      if (!kHalves || k % 64 != 0) {
        x += 1024;
        x1 += 1024;
      }
    }
  }

  // Rows or panels that y has not, and sums of segments that are added to it.
  LACUNA_INLINE void PartialRowPair(const Work& w, int row, const char* w0, const char* w1, int steps, int* turn) {
    const int rows = Least(32, w.row_end - row), panels = Least(2, a.panel_end - w.panel);
    float* y = a.y + row * a.y_stride + (w.panel - a.panel_begin) * 16;
    FinishDrain();
    const bool starts = w.k == a.k_begin || w.k % segment == 0;
    for (int i = 0; i < 32; ++i) {
      for (int q = 0; q < 2; ++q) {
        _mm512_store_ps(partial + i * 32 + q * 16, !starts && i < rows && q < panels
                                                       ? _mm512_loadu_ps(y + i * a.y_stride + q * 16)
                                                       : _mm512_setzero_ps());
      }
    }
    RowPair(w, row, w0, w1, partial, 32, partial, steps, turn);
    FinishDrain();
    const bool add = starts && w.k > a.k_begin;
    for (int i = 0; i < rows; ++i) {
      for (int q = 0; q < panels; ++q) {
        float* to = y + i * a.y_stride + q * 16;
        const __m512 v = _mm512_load_ps(partial + i * 32 + q * 16);
        _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), v) : v);
      }
    }
  }

  LACUNA_INLINE void Run() {
    const ptrdiff_t x_bytes = (ptrdiff_t)Least(a.m, kGroupRows) * a.w->k_padded * (kBf16 ? 2 : 1);
    chunks_first = x_bytes > kBytesOfXInL2;
    int buffer = 0, turn = 0;
    Work w = First(0);
    StartNext(w, buffer);
    FinishNext();
    while (w.row < a.m) {
      const char *w0 = expanded[buffer][0], *w1 = expanded[buffer][next.panels - 1];
      if constexpr (kDirect) {
        w0 = (const char*)next.stream[0].values;
        w1 = (const char*)next.stream[next.panels - 1].values;
      }
      const bool whole = w.panel + 2 <= a.panel_end && (segment >= a.k_end || w.k == a.k_begin);
      const Work after = After(w);
      buffer ^= 1;
      StartNext(after, buffer);
      const int steps = (w.row_end - w.row + 31) / 32 * ((w.k_end - w.k + kStepK - 1) / kStepK);
      for (int row = w.row; row < w.row_end; row += 32) {
        if (whole && row + 32 <= w.row_end) {
          float* y = a.y + row * a.y_stride + (w.panel - a.panel_begin) * 16;
          const float* y_next = row + 32 < w.row_end
                                    ? y + 32 * a.y_stride
                                    : a.y + after.row * a.y_stride + (after.panel - a.panel_begin) * 16;
          RowPair(w, row, w0, w1, y, a.y_stride, y_next, steps, &turn);
        } else {
          PartialRowPair(w, row, w0, w1, steps, &turn);
        }
      }
      FinishNext();
      w = after;
    }
    FinishDrain();
  }
#undef DOT
};

template <Kind kKind, bool kZeros, bool kHalves>
__attribute__((noinline)) void AllRows(const LinearPackedArgs& a) {
  Block<kKind, kZeros, kHalves> block(a);
  if (block.Cut()) return block.Run();
  // Long segments of several periods, which no packed weight of ours has: sixteen rows at a time.
  for (int i = 0; i * 16 < a.m; ++i) AmxPackedRowBlock(a, i);
}

template <Kind kKind, bool kZeros>
inline void Int8(const LinearPackedArgs& a) {
  if (PackedPeriod(a.w, a.activation_group) == 32) {
    AllRows<kKind, kZeros, true>(a);
  } else {
    AllRows<kKind, kZeros, false>(a);
  }
}

}  // namespace

void AmxLinearPackedInt8Block(const LinearPackedArgs& a) {
  const bool bitmap = a.w->mask != nullptr;
  if (a.w->type == PackedValues::kInt8) {
    bitmap ? Int8<Kind::kInt8Bitmap, false>(a) : Int8<Kind::kInt8All, false>(a);
  } else if (a.w->zeros != nullptr) {
    bitmap ? Int8<Kind::kCode4Bitmap, true>(a) : Int8<Kind::kCode4All, true>(a);
  } else {
    bitmap ? Int8<Kind::kCode4Bitmap, false>(a) : Int8<Kind::kCode4All, false>(a);
  }
}

void AmxLinearPackedBf16Block(const LinearPackedArgs& a) { AllRows<Kind::kBf16Bitmap, false, false>(a); }

}  // namespace lacuna::kernels
