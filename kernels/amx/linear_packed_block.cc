// Packed weights on tiles, m > 16: 2 row blocks x 2 panels, so each step's 4 tile loads serve 4 products. Integers in
// periods of 64 to 512 are linear_packed_groups.cc's.
//
//   tmm0-3 C [row block][panel]     tmm4,5 A     tmm6,7 B
//
// K is cut into chunks, whose tiles are expanded once for all rows: while a chunk of two panels is multiplied, steps
// expand the next one's tiles in turn; block_walk-inl.h has the order. A period that ends leaves its C in a buffer, and
// the steps of the next but one drain it into y; one that goes on (whole-row scales, bf16) leaves int32 or fp32 in y
// for the next chunk. Int8 with all weights stored and long periods is multiplied where it lies.
//
// Measured (Xeon with AMX_FP16, random data, one thread), in ns of the 64 products of a chunk of 1024:
//   277   from registers at 3.7 GHz; random bytes cost power: 330
//   400   with tile loads, w from L1, x from L2
//   680   all of it, whole-row int8, M = 512, N = 1024, K = 4096; a bitmap is as fast as all weights
// Vector work, loads and stores hide behind products; TILESTORED does not: 13 cycles each. Tried: prefetches of C and
// of the next chunk of x (5 to 15 % slower); drains with sizes known at run time (a third slower).
#include "kernels/amx/block_walk-inl.h"
#include "kernels/amx/linear.h"
#include "kernels/amx/packed_rows.h"

namespace lacuna::kernels {
namespace {

constexpr ptrdiff_t kAhead = 1024;

template <Kind kKind, bool kZeros, bool kHalves, bool kDirect>
struct Block {
  static constexpr bool kBf16 = kKind == Kind::kBf16Bitmap;
  static constexpr int kTileK = kBf16 ? 32 : 64;
  static constexpr int kStepK = kHalves ? 32 : kTileK;

  const LinearPackedArgs& a;
  BlockWalk walk;
  int segment, period, blocks;
  __m512i table;
  // Two panels of the chunk that is multiplied, and of the next one.
  alignas(64) char expanded[2][2][kDirect ? 64 : kMostK / kStepK * 1024];
  alignas(64) int32_t c[3][4][256];  // C of periods that ended: in turn, [row block][panel]
  int turn = 0;
  alignas(64) float partial[32 * 32];

  // What is being expanded: tiles [tile, tiles) of each panel.
  struct {
    PanelStream stream[2];
    char* to[2];
    int panel, panels, k, tile, tiles;
  } next;

  // Periods that ended: their C wait for a period before they are drained, so that the stores of C are done by then.
  struct Drain {
    const int32_t* from;
    float* to;
    ptrdiff_t stride;
    const float* sx[2];
    __m512 sw[2];
    __mmask16 add;  // to what is there
    alignas(64) int32_t corrections[2][16];
  } drains[2];
  int waiting = 0, first_drain = 0;

  LACUNA_INLINE explicit Block(const LinearPackedArgs& args) : a(args), walk(args, kBf16 ? 2 : 1) {
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
    // Few rows: two short chunks fit L1.
    int& chunk = walk.chunk;
    chunk = (a.m <= kRowsOfShortChunks ? 256 : period <= 512 ? 512 : kMostK) / 64 * kStepK;
    if (!one_segment) {
      chunk = segment;
    } else if (!one_period && period > chunk) {
      chunk = period;
    } else if (!one_period) {
      chunk = chunk / period * period;
    }
    return chunk <= kMostK;
  }

  LACUNA_INLINE void StartNext(const Work& w, int buffer) {
    next.panel = w.panel;
    next.panels = w.row < a.m ? Least(2, a.panel_end - w.panel) : 0;
    next.k = w.k;
    next.tile = 0;
    next.tiles = (w.k_end - w.k + kTileK - 1) / kTileK * next.panels;
    for (int q = 0; q < next.panels; ++q) {
      next.stream[q] = StreamAt<kKind>(a.w, w.panel + q, w.k / kTileK);
      next.to[q] = expanded[buffer][q];
    }
  }
  // Out of line: every step has a call.
  __attribute__((noinline)) void ExpandOne() {
    const int q = next.panels == 2 ? next.tile & 1 : 0, t = next.panels == 2 ? next.tile >> 1 : next.tile;
    ++next.tile;
    if constexpr (kDirect) {
      const char* v = (const char*)next.stream[q].values + t * 1024;
      for (int r = 0; r < 16; ++r) _mm_prefetch(v + r * 64, _MM_HINT_T1);
    } else {
      __m512i zero_low{}, zero_high{};
      if constexpr (kZeros || Selects(kKind)) {
        const int k = next.k + t * kTileK;
        zero_low = ZerosOrSelectors<kKind, kZeros>(a.w, next.panel + q, k);
        zero_high = kHalves ? ZerosOrSelectors<kKind, kZeros>(a.w, next.panel + q, k + 32) : zero_low;
      }
      ExpandTile<kKind, kZeros, kHalves>(&next.stream[q], table, zero_low, zero_high, kAhead, 512,
                                         next.to[q] + t * (kHalves ? 2048 : 1024));
    }
  }
  LACUNA_INLINE void FinishNext() {
    while (next.tile < next.tiles) ExpandOne();
  }

  // kRows rows from kRow on, in one row block.
  template <int kRow, int kRows>
  LACUNA_INLINE void DrainRows(const Drain& d) {
    constexpr int kHalf = kRow / 16;
    const int32_t *from = d.from + kHalf * 512 + kRow % 16 * 16, *corrections = d.corrections[kHalf] + kRow % 16;
    const float* sx = d.sx[kHalf] + kRow % 16;
    const ptrdiff_t stride = d.stride;
    const __mmask16 add = d.add;
    const __m512 sw0 = d.sw[0], sw1 = d.sw[1];
    float* y = d.to + kRow * stride;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i) {
      __m512i t0 = _mm512_load_si512(from + i * 16), t1 = _mm512_load_si512(from + i * 16 + 256);
      if constexpr (kDirect) {
        t0 = _mm512_sub_epi32(t0, _mm512_set1_epi32(corrections[i]));
        t1 = _mm512_sub_epi32(t1, _mm512_set1_epi32(corrections[i]));
      }
      _mm512_storeu_ps(y, Drained(t0, sx[i], sw0, _mm512_maskz_loadu_ps(add, y)));
      _mm512_storeu_ps(y + 16, Drained(t1, sx[i], sw1, _mm512_maskz_loadu_ps(add, y + 16)));
      y += stride;
    }
  }
  LACUNA_INLINE void Drained1() {
    first_drain ^= 1;
    --waiting;
  }
  __attribute__((noinline)) void FinishDrain() {
    const Drain& d = drains[first_drain];
    DrainRows<0, 16>(d);
    DrainRows<16, 16>(d);
    Drained1();
  }
  LACUNA_INLINE void FinishDrains() {
    while (waiting > 0) FinishDrain();
  }
  // Of period [k0, k1), whose C lie at `from`.
  LACUNA_INLINE void AddDrain(const Work& w, int row, int k0, int k1, const int32_t* from, float* to,
                              ptrdiff_t stride) {
    if (waiting == 2) FinishDrain();
    Drain& d = drains[first_drain ^ waiting];
    ++waiting;
    const int row1 = row + 16 < blocks * 16 ? row + 16 : row, panel1 = Least(w.panel + 1, a.panel_end - 1);
    d.from = from;
    d.to = to;
    d.stride = stride;
    d.sx[0] = XScales(a, row, k0);
    d.sx[1] = XScales(a, row1, k0);
    d.sw[0] = WeightScales(a.w, w.panel, k0);
    d.sw[1] = WeightScales(a.w, panel1, k0);
    d.add = k0 % segment != 0 && k0 != a.k_begin ? 0xffff : 0;
    if constexpr (kDirect) {
      Corrections(a, row, 16, k0, k1, d.corrections[0]);
      Corrections(a, row1, 16, k0, k1, d.corrections[1]);
    }
  }

  // The four C tiles in memory.
  struct Place {
    char* at[4];
    ptrdiff_t stride;
  };
  LACUNA_INLINE Place InY(float* y, ptrdiff_t stride) const {
    char* at = (char*)y;
    return {{at, at + 64, at + stride * 64, at + stride * 64 + 64}, stride * 4};
  }
  LACUNA_INLINE Place Zeros() const {
    char* at = (char*)kZeroTile;
    return {{at, at, at, at}, 64};
  }
  LACUNA_INLINE bool StartsPeriod(const Work& w) const { return w.k == a.k_begin || w.k % period == 0; }

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

  // Where a step is and reads, and what it knows of the next chunk: `tiles` of it are expanded in `steps`.
  struct Cursor {
    const char *w0, *w1, *x0, *x1;
    int row, k, steps, tiles, budget;
  };

  // What follows a C that is stored.
  enum Then { kNothing, kZero, kLoad };

#define NEXT_C(tile)                                                         \
  do {                                                                       \
    if constexpr (kLast) {                                                   \
      LACUNA_TILE_STORE(tile, to.at[tile], to.stride);                       \
      if (then == kZero) LACUNA_TILE_ZERO(tile);                             \
      if (then == kLoad) LACUNA_TILE_LOAD(tile, from.at[tile], from.stride); \
    }                                                                        \
  } while (0)

  // One step of K; the last one of a period or chunk stores C. Between products it drains 4 kRows rows from kRow on.
  template <bool kLast, int kRow, int kRows>
  LACUNA_INLINE void Step(Cursor& at, const Drain& d, const Place& to, Then then, const Place& from) {
    LACUNA_TILE_LOAD(6, at.w0, 64);
    LACUNA_TILE_LOAD_STREAM(4, at.x0, 64);
    DOT(0, 4, 6);
    at.budget += at.tiles;
    while (at.budget >= at.steps) {
      at.budget -= at.steps;
      if (next.tile < next.tiles) ExpandOne();
    }
    if constexpr (kRows > 0) DrainRows<kRow, kRows>(d);
    LACUNA_TILE_LOAD(7, at.w1, 64);
    NEXT_C(0);
    DOT(1, 4, 7);
    if constexpr (kRows > 0) DrainRows<kRow + kRows, kRows>(d);
    LACUNA_TILE_LOAD_STREAM(5, at.x1, 64);
    NEXT_C(1);
    DOT(2, 5, 6);
    if constexpr (kRows > 0) DrainRows<kRow + 2 * kRows, kRows>(d);
    NEXT_C(2);
    DOT(3, 5, 7);
    if constexpr (kRows > 0) DrainRows<kRow + 3 * kRows, kRows>(d);
    NEXT_C(3);
    at.w0 += 1024;
    at.w1 += 1024;
  }
#undef NEXT_C

  // Steps from at.k to `stop`, the first kDrains of which drain d.
  template <int kDrains>
  LACUNA_INLINE void Steps(Cursor& at, int stop, const Drain& d, const Place& to, Then then, const Place& from) {
    constexpr int kRows = kDrains > 0 ? 8 / kDrains : 0;
    if constexpr (kDrains > 0) {
      if constexpr (kDrains > 1) {
        XAt(at);
        Step<false, 0, kRows>(at, d, to, then, from);
        NextX(at);
        XAt(at);
        Step<false, 4 * kRows, kRows>(at, d, to, then, from);
        NextX(at);
        XAt(at);
        Step<false, 8 * kRows, kRows>(at, d, to, then, from);
        NextX(at);
      }
      XAt(at);
      if (at.k + kStepK == stop) {
        Step<true, 32 - 4 * kRows, kRows>(at, d, to, then, from);
        return NextX(at);
      }
      Step<false, 32 - 4 * kRows, kRows>(at, d, to, then, from);
      NextX(at);
    }
    while (at.k < stop - kStepK) {
      XAt(at);
      Step<false, 0, 0>(at, d, to, then, from);
      NextX(at);
    }
    XAt(at);
    Step<true, 0, 0>(at, d, to, then, from);
    NextX(at);
  }
  // x lies in chunks of its own.
  LACUNA_INLINE void XAt(Cursor& at) {
    if (at.k % kTileChunk != 0) return;
    at.x0 = XTile<kKind>(a, at.k, at.row / 16);
    at.x1 = at.row + 16 < blocks * 16 ? XTile<kKind>(a, at.k, at.row / 16 + 1) : at.x0;
  }
  LACUNA_INLINE void NextX(Cursor& at) {
    at.k += kStepK;
    if (kHalves && at.k % 64 != 0) return;
    at.x0 += 1024;
    at.x1 += 1024;
  }

  // One chunk for rows [row, row + 32). C has been started; what comes after is started here.
  LACUNA_INLINE void RowPair(const Work& w, int row, Cursor& at, float* y, ptrdiff_t y_stride, Then after,
                             const Place& after_from) {
    const Place in_y = InY(y, y_stride);
    at.row = row;
    at.k = w.k;
    at.x0 = XTile<kKind>(a, w.k / kTileK * kTileK, row / 16);
    at.x1 = row + 16 < blocks * 16 ? XTile<kKind>(a, w.k / kTileK * kTileK, row / 16 + 1) : at.x0;
    int period_begin = w.k / period * period;
    while (at.k < w.k_end) {
      const int period_end = Least(period_begin + period, a.k_end), stop = Least(period_end, w.k_end);
      const bool ends = !kBf16 && stop == period_end;
      const Place in_c = {{(char*)c[turn][0], (char*)c[turn][1], (char*)c[turn][2], (char*)c[turn][3]}, 64};
      const Place& to = ends ? in_c : in_y;
      const Then then = stop == w.k_end ? after : kZero;
      const int steps = (stop - at.k) / kStepK;
      const Drain& d = drains[first_drain];
      if (kBf16 || waiting < 2) {
        Steps<0>(at, stop, d, to, then, after_from);
      } else {
        if (steps >= 4) {
          Steps<4>(at, stop, d, to, then, after_from);
        } else {
          Steps<1>(at, stop, d, to, then, after_from);
        }
        Drained1();
      }
      if (ends) {
        AddDrain(w, row, period_begin, stop, c[turn][0], y, y_stride);
        turn = turn == 2 ? 0 : turn + 1;
      }
      period_begin = period_end;
    }
  }

  LACUNA_INLINE void Start(const Place& from) {
    LACUNA_TILE_LOAD(0, from.at[0], from.stride);
    LACUNA_TILE_LOAD(1, from.at[1], from.stride);
    LACUNA_TILE_LOAD(2, from.at[2], from.stride);
    LACUNA_TILE_LOAD(3, from.at[3], from.stride);
  }

  // Rows or panels that y has not, and sums of segments that are added to it.
  LACUNA_INLINE void PartialRowPair(const Work& w, int row, Cursor& at) {
    const int rows = Least(32, w.row_end - row), panels = Least(2, a.panel_end - w.panel);
    float* y = Y(w, row);
    FinishDrains();
    const bool starts = w.k == a.k_begin || w.k % segment == 0;
    for (int i = 0; i < 32; ++i) {
      for (int q = 0; q < 2; ++q) {
        _mm512_store_ps(partial + i * 32 + q * 16, !starts && i < rows && q < panels
                                                       ? _mm512_loadu_ps(y + i * a.y_stride + q * 16)
                                                       : _mm512_setzero_ps());
      }
    }
    Start(StartsPeriod(w) ? Zeros() : InY(partial, 32));
    RowPair(w, row, at, partial, 32, kNothing, Zeros());
    FinishDrains();
    const bool add = starts && w.k > a.k_begin;
    for (int i = 0; i < rows; ++i) {
      for (int q = 0; q < panels; ++q) {
        float* to = y + i * a.y_stride + q * 16;
        const __m512 v = _mm512_load_ps(partial + i * 32 + q * 16);
        _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), v) : v);
      }
    }
  }

  LACUNA_INLINE float* Y(const Work& w, int row) const {
    return a.y + row * a.y_stride + (w.panel - a.panel_begin) * 16;
  }
  LACUNA_INLINE bool Whole(const Work& w, int row) const {
    return w.panel + 2 <= a.panel_end && row + 32 <= w.row_end && (segment >= a.k_end || w.k == a.k_begin);
  }

  LACUNA_INLINE void Run() {
    int buffer = 0;
    bool started = false;
    Work w = walk.Part(0, a.panel_begin);
    StartNext(w, buffer);
    FinishNext();
    while (w.row < a.m) {
      const char *w0 = expanded[buffer][0], *w1 = expanded[buffer][next.panels - 1];
      if constexpr (kDirect) {
        w0 = (const char*)next.stream[0].values;
        w1 = (const char*)next.stream[next.panels - 1].values;
      }
      const Work after = walk.After(w);
      buffer ^= 1;
      StartNext(after, buffer);
      const int steps = (w.k_end - w.k + kStepK - 1) / kStepK;
      Cursor at{};
      at.steps = (w.row_end - w.row + 31) / 32 * steps;
      at.tiles = next.tiles;
      at.budget = 0;
      for (int row = w.row; row < w.row_end; row += 32) {
        at.w0 = w0;
        at.w1 = w1;
        // The rows after these, here or in the next chunk.
        const bool here = row + 32 < w.row_end;
        const Work& then = here ? w : after;
        const int then_row = here ? row + 32 : after.row;
        const bool start = then.row < a.m && Whole(then, then_row);
        const Place place = !start || StartsPeriod(then) ? Zeros() : InY(Y(then, then_row), a.y_stride);
        if (Whole(w, row)) {
          if (!started) Start(StartsPeriod(w) ? Zeros() : InY(Y(w, row), a.y_stride));
          RowPair(w, row, at, Y(w, row), a.y_stride, !start ? kNothing : StartsPeriod(then) ? kZero : kLoad, place);
          started = start;
        } else {
          PartialRowPair(w, row, at);
          started = false;
        }
      }
      FinishNext();
      w = after;
    }
    FinishDrains();
  }
#undef DOT
};

template <Kind kKind, bool kZeros, bool kHalves, bool kDirect = false>
__attribute__((noinline)) void AllRows(const LinearPackedArgs& a) {
  Block<kKind, kZeros, kHalves, kDirect> block(a);
  if (block.Cut()) return block.Run();
  // Long segments of several periods, which no packed weight of ours has: sixteen rows at a time.
  for (int i = 0; i * 16 < a.m; ++i) AmxPackedRowBlock(a, i);
}

template <Kind kKind, bool kZeros>
inline void Int8(const LinearPackedArgs& a) {
  const int period = PackedPeriod(a.w, a.activation_group);
  if (period == 32) return AllRows<kKind, kZeros, true>(a);
  // Signed copies of short periods need no correction; of long ones the bytes are multiplied where they lie.
  if constexpr (kKind == Kind::kInt8All) {
    if (period >= kMostK || period == a.w->k_padded) return AllRows<kKind, kZeros, false, true>(a);
  }
  if (AmxPackedGroups(a)) return;
  AllRows<kKind, kZeros, false>(a);
}

}  // namespace

void AmxLinearPackedInt8Block(const LinearPackedArgs& a) {
  const bool bitmap = a.w->mask != nullptr;
  if (a.w->type == PackedValues::kInt8) {
    bitmap ? Int8<Kind::kInt8Bitmap, false>(a) : Int8<Kind::kInt8All, false>(a);
  } else if (a.w->scale_selects) {
    bitmap ? Int8<Kind::kSelectBitmap, false>(a) : Int8<Kind::kSelectAll, false>(a);
  } else if (a.w->zeros != nullptr) {
    bitmap ? Int8<Kind::kCode4Bitmap, true>(a) : Int8<Kind::kCode4All, true>(a);
  } else {
    bitmap ? Int8<Kind::kCode4Bitmap, false>(a) : Int8<Kind::kCode4All, false>(a);
  }
}

void AmxLinearPackedBf16Block(const LinearPackedArgs& a) { AllRows<Kind::kBf16Bitmap, false, false>(a); }

}  // namespace lacuna::kernels
