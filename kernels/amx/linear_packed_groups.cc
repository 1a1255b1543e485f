// Packed integers on tiles, m > 16, periods of 64 to 512: 2 row blocks x 2 panels, so each step's 4 tile loads serve 4
// products. linear_packed_block.cc has all other periods.
//
//   tmm0-3 C [row block][panel]     tmm4,5 A     tmm6,7 B
//
// A chunk of two panels is expanded once for all rows, while the chunk before is multiplied, and multiplied in units of
// 256 k, four steps of 64 that are written out. C runs on through a unit: where a period ends it is stored, and a
// period's dot is the difference of two such pictures, exact modulo 2^32, so that only a unit begins with zeros. The
// four steps of the next unit drain them, eight rows each, every period of a unit at once: y is read and written once a
// unit, not once a period.
//
//   y = fma(float(C1 - C0), fl(sx1 * sw1), fma(float(C0), fl(sx0 * sw0), y))      two periods of 128
//
// Expansion aside, nothing here depends on the codec: one walk serves them all, through a function that expands a tile.
//
// Counted, not measured on silicon: instructions a product in a call of 4 panels, N = K = 2048, groups of 128. Before
// means a drain into y each period, in linear_packed_block.cc, which took 1390 ns for the 64 products of 1024 k that
// take 277 from registers (Xeon with AMX_FP16, M = 512).
//                     all            vector         vector loads   vector stores  scalar memory
//   m                 before  now    before  now    before  now    before  now    before  now
//   256  int4         102.4   78.8   54.5    52.6   27.5    18.2    9.8     5.1   17.5     9.2
//   256  bitmap 50 %  107.5   84.0   55.2    53.6   27.5    18.2    9.6     5.1   19.2    11.3
//    32  int4         156.3  148.0   78.5    76.5   35.0    25.9   17.0    12.5   25.4    27.0
//    32  bitmap 50 %  199.2  190.0   86.1    84.5   35.1    25.9   16.8    12.5   42.8    44.1
//    24  int4         210.8  152.8   90.0    77.2   39.3    26.2   23.9    12.8   35.1    28.2
// Tiles: 0.5 stores a product as before, which do not hide (13 cycles each): a period of 128 cannot pass 72 % of the
// peak. 1.25 loads, of them 0.25 zeros; before 1.0 and 0.5 TILEZERO, after which a product takes 36 cycles more
// (tile.h). The budget of a product (16 cycles and 6.5 of stores), from the counts, for int4 at m = 256, in cycles: two
// ports of 512-bit arithmetic 15 (before 14), two of 512-bit loads 20 (22, without TILEZERO), stores 13 (18), issue of
// 6 a cycle 13 (17).
#include "kernels/amx/block_walk-inl.h"
#include "kernels/amx/packed_rows.h"

namespace lacuna::kernels {
namespace {

constexpr int kUnitK = 256, kMostPeriods = kUnitK / 64;
constexpr ptrdiff_t kAhead = 1024, kMaskAhead = 512;

// Base-2 logarithm of a group, or what shifts any k to 0 where it is the whole row.
LACUNA_INLINE int GroupShift(int group, int k_padded) { return group < k_padded ? __builtin_ctz((unsigned)group) : 31; }

struct Groups {
  const LinearPackedArgs& a;
  void (*const expand)(Groups*);
  BlockWalk walk;
  const int period, period_shift, segment, blocks, weight_shift, x_shift;
  const bool one_segment;
  __m512i table;
  // Two panels of the chunk that is multiplied, and of the next one.
  alignas(64) char expanded[2][2][kMostK * 16];
  alignas(64) int32_t c[2][kMostPeriods][4][256];  // of the unit that is multiplied and of the one before, in turn
  // Of these chunks and of the one before, whose last unit waits: [period][panel].
  alignas(64) float scales[3][kMostK / 64][2][16];
  alignas(64) float partial[32 * 32];
  int set = 0;

  // What is being expanded: tiles [tile, tiles), of the panels in turn. Every `steps` steps `tiles` of them are due.
  struct {
    PanelStream stream[2];
    const uint8_t* end[2];  // of a panel's values: prefetches go on in the panel that comes after, `jump` away
    ptrdiff_t jump[2];
    char* to[2];
    int panel, panels, k, tile, tiles, steps, budget;
  } next;

  // A unit that waits to be drained.
  struct Ended {
    const float* sx[kMostPeriods][2];  // [period][row block]
    const float (*sw)[2][16];          // [period][panel][channel]
    const int32_t* c;
    float* to;
    ptrdiff_t stride;
    __mmask16 add;  // to what is there
  } waiting;
  int waiting_periods = 0;  // 0: none waits

  LACUNA_INLINE Groups(const LinearPackedArgs& args, void (*expand_tile)(Groups*), __m512i code_table)
      : a(args),
        expand(expand_tile),
        walk(args, 1),
        period(PackedPeriod(args.w, args.activation_group)),
        period_shift(__builtin_ctz((unsigned)period)),
        segment(PackedSegment(args.w)),
        blocks((args.m + 15) / 16),
        weight_shift(GroupShift(args.w->group, args.w->k_padded)),
        x_shift(GroupShift(args.activation_group, args.w->k_padded)),
        one_segment(args.k_begin / segment == (args.k_end - 1) / segment),
        table(code_table) {
    // Few rows: two short chunks fit L1.
    walk.chunk = !one_segment ? segment : a.m <= kRowsOfShortChunks ? Most(period, kUnitK) : 512;
  }

  LACUNA_INLINE void StartNext(const Work& w, int buffer, int scale_set, int steps) {
    next.panel = w.panel;
    next.panels = w.row < a.m ? Least(2, a.panel_end - w.panel) : 0;
    next.k = w.k;
    next.tile = 0;
    next.tiles = (w.k_end - w.k) / 64 * next.panels;
    next.steps = steps;
    next.budget = 0;
    for (int q = 0; q < next.panels; ++q) {
      next.stream[q] = StreamAt(w.panel + q, w.k);
      next.to[q] = expanded[buffer][q];
      next.end[q] = (const uint8_t*)UINTPTR_MAX;
      if (walk.chunks_first || w.k_end < a.k_end || w.panel + 2 + q >= a.panel_end) continue;
      next.end[q] = StreamAt(w.panel + q + 1, 0).values;
      next.jump[q] = StreamAt(w.panel + 2 + q, a.k_begin).values - next.end[q];
    }
    for (int k = w.k & -period, p = 0; next.panels > 0 && k < w.k_end; k += period, ++p) {
      _mm512_store_ps(scales[scale_set][p][0], Scales(w.panel, k));
      _mm512_store_ps(scales[scale_set][p][1], Scales(w.panel + next.panels - 1, k));
    }
  }
  LACUNA_INLINE PanelStream StreamAt(int panel, int k) const {
    return a.w->mask != nullptr ? kernels::StreamAt<Kind::kInt8Bitmap>(a.w, panel, k / 64)
                                : kernels::StreamAt<Kind::kInt8All>(a.w, panel, k / 64);
  }
  LACUNA_INLINE void ExpandDue() {
    next.budget += next.tiles;
    while (next.budget >= next.steps) {
      next.budget -= next.steps;
      if (next.tile < next.tiles) expand(this);
    }
  }
  LACUNA_INLINE void ExpandRest() {
    while (next.tile < next.tiles) expand(this);
  }

  // Rows [kRow, kRow + kRows), of one row block, of a unit that ended; y is the first one's.
  template <int kPeriods, int kRow, int kRows>
  static LACUNA_INLINE void DrainRows(const Ended& ended, const __m512 (*sw)[2], float*& y) {
    constexpr int kHalf = kRow / 16;
    const int32_t* from = ended.c + kHalf * 512 + kRow % 16 * 16;
#pragma GCC unroll 16
    for (int i = 0; i < kRows; ++i, from += 16, y += ended.stride) {
      __m512 sum0 = _mm512_maskz_loadu_ps(ended.add, y), sum1 = _mm512_maskz_loadu_ps(ended.add, y + 16);
      __m512i before0{}, before1{};
#pragma GCC unroll 4
      for (int p = 0; p < kPeriods; ++p) {
        __m512i c0 = _mm512_load_si512(from + p * 1024), c1 = _mm512_load_si512(from + p * 1024 + 256);
        // Loads bind, and what is used twice is not to be loaded twice.
        if (p + 1 < kPeriods) __asm__("" : "+v"(c0), "+v"(c1));
        const float sx = ended.sx[p][kHalf][kRow % 16 + i];
        sum0 = Drained(p == 0 ? c0 : _mm512_sub_epi32(c0, before0), sx, sw[p][0], sum0);
        sum1 = Drained(p == 0 ? c1 : _mm512_sub_epi32(c1, before1), sx, sw[p][1], sum1);
        before0 = c0;
        before1 = c1;
      }
      _mm512_storeu_ps(y, sum0);
      _mm512_storeu_ps(y + 16, sum1);
    }
  }
  template <int kPeriods>
  static LACUNA_INLINE void ReadScales(const Ended& ended, __m512 (*sw)[2]) {
#pragma GCC unroll 4
    for (int p = 0; p < kPeriods; ++p) {
      sw[p][0] = _mm512_load_ps(ended.sw[p][0]);
      sw[p][1] = _mm512_load_ps(ended.sw[p][1]);
    }
  }
  template <int kPeriods>
  LACUNA_INLINE void DrainAll() {
    const Ended ended = waiting;
    __m512 sw[kMostPeriods][2];
    ReadScales<kPeriods>(ended, sw);
    float* y = ended.to;
    DrainRows<kPeriods, 0, 16>(ended, sw, y);
    DrainRows<kPeriods, 16, 16>(ended, sw, y);
  }
  __attribute__((noinline)) void Drain() {
    if (waiting_periods == 1) DrainAll<1>();
    if (waiting_periods == 2) DrainAll<2>();
    if (waiting_periods == 3) DrainAll<3>();
    if (waiting_periods == 4) DrainAll<4>();
    waiting_periods = 0;
  }

  // Where a unit is: the operands of its next step, and its C in memory.
  struct At {
    const char *x0, *x1, *w0, *w1;
    int32_t* c;
  };

  // Step kStep of a unit that ends kPeriods periods (0: it is the first half of one), while the unit before drains.
  template <int kPeriods, int kWaiting, int kStep>
  LACUNA_INLINE void Step(const At& at, const Ended& ended, float*& y) {
    constexpr bool kEnds = kPeriods > 0 && (kStep + 1) * kPeriods % 4 == 0, kZero = kPeriods > 0 && kStep == 3;
    constexpr int kPicture = kEnds ? ((kStep + 1) * kPeriods / 4 - 1) * 4096 : 0, kTile = kStep * 1024;
    ExpandDue();
    __m512 sw[kMostPeriods][2];
    ReadScales<kWaiting>(ended, sw);
    LACUNA_TILE_LOAD_AT(6, at.w0, 64, kTile);
    LACUNA_TILE_LOAD_STREAM_AT(4, at.x0, 64, kTile);
    LACUNA_TILE_DPBSSD(0, 4, 6);
    if constexpr (kWaiting > 0) DrainRows<kWaiting, kStep * 8, 2>(ended, sw, y);
    LACUNA_TILE_LOAD_AT(7, at.w1, 64, kTile);
    if constexpr (kEnds) LACUNA_TILE_STORE_AT(0, at.c, 64, kPicture);
    if constexpr (kZero) LACUNA_TILE_LOAD(0, kZeroTile, 64);
    LACUNA_TILE_DPBSSD(1, 4, 7);
    if constexpr (kWaiting > 0) DrainRows<kWaiting, kStep * 8 + 2, 2>(ended, sw, y);
    LACUNA_TILE_LOAD_STREAM_AT(5, at.x1, 64, kTile);
    if constexpr (kEnds) LACUNA_TILE_STORE_AT(1, at.c, 64, kPicture + 1024);
    if constexpr (kZero) LACUNA_TILE_LOAD(1, kZeroTile, 64);
    LACUNA_TILE_DPBSSD(2, 5, 6);
    if constexpr (kWaiting > 0) DrainRows<kWaiting, kStep * 8 + 4, 2>(ended, sw, y);
    if constexpr (kEnds) LACUNA_TILE_STORE_AT(2, at.c, 64, kPicture + 2048);
    if constexpr (kZero) LACUNA_TILE_LOAD(2, kZeroTile, 64);
    LACUNA_TILE_DPBSSD(3, 5, 7);
    if constexpr (kWaiting > 0) DrainRows<kWaiting, kStep * 8 + 6, 2>(ended, sw, y);
    if constexpr (kEnds) LACUNA_TILE_STORE_AT(3, at.c, 64, kPicture + 3072);
    if constexpr (kZero) LACUNA_TILE_LOAD(3, kZeroTile, 64);
  }
  template <int kPeriods, int kWaiting>
  __attribute__((noinline)) void Unit(const At at) {
    const Ended ended = waiting;
    float* y = ended.to;
    Step<kPeriods, kWaiting, 0>(at, ended, y);
    Step<kPeriods, kWaiting, 1>(at, ended, y);
    Step<kPeriods, kWaiting, 2>(at, ended, y);
    Step<kPeriods, kWaiting, 3>(at, ended, y);
  }
  template <int kPeriods>
  LACUNA_INLINE void WholeUnit(const At& at) {
    constexpr int kSame = kPeriods > 0 ? kPeriods : 1;
    if (waiting_periods != kSame) Drain();
    waiting_periods == 0 ? Unit<kPeriods, 0>(at) : Unit<kPeriods, kSame>(at);
    waiting_periods = 0;
  }

  static LACUNA_INLINE void Zero() {
    LACUNA_TILE_LOAD(0, kZeroTile, 64);
    LACUNA_TILE_LOAD(1, kZeroTile, 64);
    LACUNA_TILE_LOAD(2, kZeroTile, 64);
    LACUNA_TILE_LOAD(3, kZeroTile, 64);
  }
  // Columns [k, stop), less than a unit: the end of the row, or a unit that a segment cuts.
  __attribute__((noinline)) void ShortUnit(At at, int k, int stop) {
    Drain();
    for (; k < stop; at.x0 += 1024, at.x1 += 1024, at.w0 += 1024, at.w1 += 1024) {
      ExpandDue();
      LACUNA_TILE_LOAD(6, at.w0, 64);
      LACUNA_TILE_LOAD_STREAM(4, at.x0, 64);
      LACUNA_TILE_DPBSSD(0, 4, 6);
      LACUNA_TILE_LOAD(7, at.w1, 64);
      LACUNA_TILE_DPBSSD(1, 4, 7);
      LACUNA_TILE_LOAD_STREAM(5, at.x1, 64);
      LACUNA_TILE_DPBSSD(2, 5, 6);
      LACUNA_TILE_DPBSSD(3, 5, 7);
      k += 64;
      if (k % period != 0 && k != stop) continue;
      LACUNA_TILE_STORE(0, at.c, 64);
      LACUNA_TILE_STORE_AT(1, at.c, 64, 1024);
      LACUNA_TILE_STORE_AT(2, at.c, 64, 2048);
      LACUNA_TILE_STORE_AT(3, at.c, 64, 3072);
      at.c += 1024;
    }
    Zero();
  }

  // The periods that end in [k, stop) wait; the first of them begins at k or before.
  LACUNA_INLINE void Wait(const Work& w, int row, int k, int stop, const float (*sw)[2][16], float* to,
                          ptrdiff_t stride) {
    const int row1 = row + 16 < blocks * 16 ? 16 : 0;
    waiting.c = c[set][0][0];
    set ^= 1;
    waiting.to = to;
    waiting.stride = stride;
    k &= -period;
    waiting.add = k != (one_segment ? a.k_begin : w.k) ? 0xffff : 0;
    waiting.sw = sw + ((k - (w.k & -period)) >> period_shift);
    int p = 0;
    for (; k < stop; k += period, ++p) {
      const float* sx = a.x_scales + (ptrdiff_t)(k >> x_shift) * a.x_rows + row;
      waiting.sx[p][0] = sx;
      waiting.sx[p][1] = sx + row1;
    }
    waiting_periods = p;
  }
  LACUNA_INLINE __m512 Scales(int panel, int k) const {
    const ptrdiff_t at = ((ptrdiff_t)panel * a.w->groups + (k >> weight_shift)) * 16;
    if (a.w->scales_f16) {
      return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i*)((const uint16_t*)a.w->scales + at)));
    }
    return _mm512_loadu_ps((const float*)a.w->scales + at);
  }

  // Tiles of x for a row pair from column k on.
  LACUNA_INLINE void XAt(At* at, int row, int k) const {
    at->x0 = XTile<Kind::kInt8All>(a, k, row / 16);
    at->x1 = at->x0;
    if (row + 16 < blocks * 16) at->x1 += Least(kTileChunk, a.w->k_padded - k / kTileChunk * kTileChunk) * 16;
  }

  // The tiles of two panels that a chunk has, and their scales.
  struct Chunk {
    const char *w0, *w1;
    const float (*scales)[2][16];
  };

  // A chunk for rows [row, row + 32). C is zero before and after.
  LACUNA_INLINE void RowPair(const Work& w, int row, const Chunk& chunk, float* to, ptrdiff_t stride) {
    At at;
    at.w0 = chunk.w0;
    at.w1 = chunk.w1;
    XAt(&at, row, w.k);
    for (int k = w.k, stop; k < w.k_end; k = stop) {
      stop = Least(w.k_end, (k & -kUnitK) + kUnitK);
      at.c = c[set][0][0];
      if (stop - k < kUnitK) {
        ShortUnit(at, k, stop);
        Wait(w, row, k, stop, chunk.scales, to, stride);
      } else if (period == 128) {
        WholeUnit<2>(at);
        Wait(w, row, k, stop, chunk.scales, to, stride);
      } else if (period == 64) {
        WholeUnit<4>(at);
        Wait(w, row, k, stop, chunk.scales, to, stride);
      } else if (period == 256 || stop % period == 0 || stop == a.k_end) {
        WholeUnit<1>(at);
        Wait(w, row, k, stop, chunk.scales, to, stride);
      } else {
        WholeUnit<0>(at);
      }
      const ptrdiff_t bytes = (ptrdiff_t)(stop - k) * 16;
      at.w0 += bytes;
      at.w1 += bytes;
      at.x0 += bytes;
      at.x1 += bytes;
      if (stop % kTileChunk == 0 && stop < w.k_end) XAt(&at, row, stop);
    }
  }

  // Rows or panels that y has not, and sums of segments that are added to it. All chunks in one go stay in `partial`.
  LACUNA_INLINE void PartialRowPair(const Work& w, int row, const Chunk& chunk) {
    const int rows = Least(32, w.row_end - row), panels = Least(2, a.panel_end - w.panel);
    float* y = a.y + row * a.y_stride + (w.panel - a.panel_begin) * 16;
    const bool stays = one_segment && !walk.chunks_first && w.row_end - w.row <= 32;
    if (one_segment && !stays && w.k > a.k_begin) {
      Drain();
      for (int i = 0; i < 32; ++i) {
        for (int q = 0; q < 2; ++q) {
          _mm512_store_ps(partial + i * 32 + q * 16,
                          i < rows && q < panels ? _mm512_loadu_ps(y + i * a.y_stride + q * 16) : _mm512_setzero_ps());
        }
      }
    }
    RowPair(w, row, chunk, partial, 32);
    if (stays && w.k_end < a.k_end) return;
    Drain();
    const bool add = !one_segment && w.k > a.k_begin;
    for (int i = 0; i < rows; ++i) {
      for (int q = 0; q < panels; ++q) {
        float* to = y + i * a.y_stride + q * 16;
        const __m512 v = _mm512_load_ps(partial + i * 32 + q * 16);
        _mm512_storeu_ps(to, add ? _mm512_add_ps(_mm512_loadu_ps(to), v) : v);
      }
    }
  }

  LACUNA_INLINE void Run() {
    int buffer = 0, scale_set = 0;
    Work w = walk.Part(0, a.panel_begin);
    StartNext(w, buffer, scale_set, 1);
    ExpandRest();
    Zero();
    while (w.row < a.m) {
      const Chunk chunk = {expanded[buffer][0], expanded[buffer][next.panels - 1], scales[scale_set]};
      const Work after = walk.After(w);
      buffer ^= 1;
      scale_set = scale_set == 2 ? 0 : scale_set + 1;
      StartNext(after, buffer, scale_set, (w.row_end - w.row + 31) / 32 * ((w.k_end - w.k) / 64));
      for (int row = w.row; row < w.row_end; row += 32) {
        if (one_segment && w.panel + 2 <= a.panel_end && row + 32 <= w.row_end) {
          RowPair(w, row, chunk, a.y + row * a.y_stride + (w.panel - a.panel_begin) * 16, a.y_stride);
        } else {
          PartialRowPair(w, row, chunk);
        }
      }
      ExpandRest();
      w = after;
    }
    Drain();
  }
};

template <Kind kKind, bool kZeros>
__attribute__((noinline)) void ExpandOne(Groups* g) {
  auto& next = g->next;
  const int q = next.panels == 2 ? next.tile & 1 : 0, t = next.panels == 2 ? next.tile >> 1 : next.tile;
  ++next.tile;
  __m512i zero{};
  if constexpr (kZeros || Selects(kKind)) {
    zero = ZerosOrSelectors<kKind, kZeros>(g->a.w, next.panel + q, next.k + t * 64);
  }
  ptrdiff_t ahead = kAhead + (next.stream[q].values + kAhead >= next.end[q] ? next.jump[q] : 0);
  __asm__("" : "+r"(ahead));  // one address serves all prefetches
  ExpandTile<kKind, kZeros, false>(&next.stream[q], g->table, zero, zero, ahead, kMaskAhead, next.to[q] + t * 1024);
}

template <Kind kKind, bool kZeros>
__attribute__((noinline)) bool Run(const LinearPackedArgs& a) {
  Groups groups(a, ExpandOne<kKind, kZeros>, CodeTable<kKind, kZeros>(a.w));
  // Long segments of several periods, which no packed weight of ours has.
  if (groups.walk.chunk > kMostK) return false;
  groups.Run();
  return true;
}

}  // namespace

bool AmxPackedGroups(const LinearPackedArgs& a) {
  const int period = PackedPeriod(a.w, a.activation_group);
  if (period < 64 || period > 2 * kUnitK || (period & (period - 1)) != 0) return false;
  const bool bitmap = a.w->mask != nullptr;
  if (a.w->type == PackedValues::kInt8) {
    return bitmap ? Run<Kind::kInt8Bitmap, false>(a) : Run<Kind::kInt8All, false>(a);
  }
  if (a.w->scale_selects) return bitmap ? Run<Kind::kSelectBitmap, false>(a) : Run<Kind::kSelectAll, false>(a);
  if (a.w->zeros != nullptr) return bitmap ? Run<Kind::kCode4Bitmap, true>(a) : Run<Kind::kCode4All, true>(a);
  return bitmap ? Run<Kind::kCode4Bitmap, false>(a) : Run<Kind::kCode4All, false>(a);
}

}  // namespace lacuna::kernels
