// Many rows of int8 activations times a packed weight: register blocks of 2 panels x 12 rows, kInt8Wide in 12s.
//
//   registers   a 12 x 2 = 24 int32 sums;  two panels' row of u;  one broadcast of x
//   u           512 k of two panels, expanded once into an L1 buffer (16 KiB) for up to 192 rows: 9 cycles
//               for a pair of rows beside 192 of products
//   x           4 k of a row a broadcast; a block's 512 k are 6 KiB in one piece
//   memory      the products of a chunk's first rows ask for the next chunk: at 16 rows int8 takes 1.2 times
//               the time of one row instead of 1.8, and its bitmap a seventh less
//   sums        [192 rows][2 panels]: the segment's floats; int32 where a period is longer than the 512 k
//
// VPDPBUSD: 24 for 14 loads, so the two ports bound it; a period ends with 5 operations for each of the 24. Measured on
// an Intel with AMX at 3.2 GHz, 512 rows, a core: int8 0.68 TOP/s (83 % of two VPDPBUSD a cycle), 4-bit with groups of
// 128 0.58 (71 %), bitmaps of any density the same.
#include <immintrin.h>

#include "kernels/avx512/linear_packed.h"
#include "kernels/avx512/packed-inl.h"

namespace lacuna::kernels {
namespace {

enum { kPanels = 2, kBlockRows = 12, kGroupRows = 192, kChunkK = 512 };

struct alignas(64) Buffers {
  __m512i u[kChunkK / 4][kPanels];
  __m512i dots[kGroupRows][kPanels];
  __m512 sums[kGroupRows][kPanels];
};

// The next `tiles` tiles of a panel, from k on, into u[..][q].
typedef void (*ExpandFn)(const PackedPanels* w, int panel, int k, int tiles, const PanelEnds& ends, TileCursor* cursor,
                         __m512i (*u)[kPanels]);

template <class C>
void Expand(const PackedPanels* w, int panel, int k, int tiles, const PanelEnds& ends, TileCursor* cursor,
            __m512i (*u)[kPanels]) {
  const __m512i table = C::kLookup ? _mm512_load_si512(w->codebook) : _mm512_setzero_si512();
  IntegerFill fill = ConstantFill<C>(w->bias);
  TileCursor at = *cursor;
  for (int t = 0; t < tiles; ++t, u += 16) {
    if (FillChanges<C>(w)) fill = FillAt<C>(w, panel, k + 64 * t);
    ExpandTile<C>(
        &at, ends, fill, table, [&](int r, __m512i row) __attribute__((always_inline)) { u[r][0] = row; },
        [&](int r, __m512i row) __attribute__((always_inline)) {
          u[r + 8][0] = C::kHighShift == 0 ? row : _mm512_srli_epi16(row, C::kHighShift);
        });
  }
  *cursor = at;
}

struct ChooseExpand {
  ExpandFn* fn;
  template <class C>
  inline void Run() const {
    *fn = Expand<C>;
  }
};

// A period that ends, for a block of rows: dots to sums.
struct PeriodEnd {
  const float* sx;     // of the block's rows
  const float* sw[2];  // of each panel's channels; f16 were converted
  const __m512i* z;    // zero points of each panel, or null: `zs` is times the bias already
  int32_t zs[16];      // sum(q) of the rows
};

// What the products ask for from memory meanwhile: the next chunk of each panel, `step` bytes a row.
struct Fetch {
  const char* at[kPanels];
  ptrdiff_t step;
};

// `rows4` rows of u times R rows of x, from the sums in `dots` on where `go_on`; into `dots` again without `end`.
template <int R>
__attribute__((noinline)) void BlockDots(const __m512i (*u)[kPanels], int rows4, const int32_t* x, bool go_on,
                                         const Fetch& fetch, const PeriodEnd* end, __m512i (*dots)[kPanels],
                                         __m512 (*sums)[kPanels]) {
  const char *next0 = fetch.at[0], *next1 = fetch.at[1];
  __m512i a[R][kPanels];
#pragma GCC unroll 12
  for (int i = 0; i < R; ++i) {
    a[i][0] = go_on ? dots[i][0] : _mm512_setzero_si512();
    a[i][1] = go_on ? dots[i][1] : _mm512_setzero_si512();
  }
#pragma GCC unroll 2
  for (int r = 0; r < rows4; ++r, x += R) {
    Prefetch(next0 + r * fetch.step);
    Prefetch(next1 + r * fetch.step);
    const __m512i u0 = u[r][0], u1 = u[r][1];
#pragma GCC unroll 12
    for (int i = 0; i < R; ++i) {
      const __m512i q = _mm512_set1_epi32(x[i]);
      a[i][0] = _mm512_dpbusd_epi32(a[i][0], u0, q);
      a[i][1] = _mm512_dpbusd_epi32(a[i][1], u1, q);
    }
  }
  if (end == nullptr) {
#pragma GCC unroll 12
    for (int i = 0; i < R; ++i) {
      dots[i][0] = a[i][0];
      dots[i][1] = a[i][1];
    }
    return;
  }
  const __m512 sw0 = _mm512_load_ps(end->sw[0]), sw1 = _mm512_load_ps(end->sw[1]);
#pragma GCC unroll 12
  for (int i = 0; i < R; ++i) {
    __m512i zs0 = _mm512_set1_epi32(end->zs[i]), zs1 = zs0;
    if (end->z != nullptr) {
      zs0 = _mm512_mullo_epi32(zs0, end->z[0]);
      zs1 = _mm512_mullo_epi32(zs1, end->z[1]);
    }
    const __m512 sx = _mm512_set1_ps(end->sx[i]);
    const __m512 t0 = _mm512_cvtepi32_ps(_mm512_sub_epi32(a[i][0], zs0));
    const __m512 t1 = _mm512_cvtepi32_ps(_mm512_sub_epi32(a[i][1], zs1));
    sums[i][0] = _mm512_fmadd_ps(t0, _mm512_mul_ps(sx, sw0), sums[i][0]);
    sums[i][1] = _mm512_fmadd_ps(t1, _mm512_mul_ps(sx, sw1), sums[i][1]);
  }
}

typedef void (*BlockDotsFn)(const __m512i (*u)[kPanels], int rows4, const int32_t* x, bool go_on, const Fetch& fetch,
                            const PeriodEnd* end, __m512i (*dots)[kPanels], __m512 (*sums)[kPanels]);
const BlockDotsFn kBlockDots[kBlockRows + 1] = {nullptr,       BlockDots<1>,  BlockDots<2>, BlockDots<3>, BlockDots<4>,
                                                BlockDots<5>,  BlockDots<6>,  BlockDots<7>, BlockDots<8>, BlockDots<9>,
                                                BlockDots<10>, BlockDots<11>, BlockDots<12>};

// Scales and zero points of two panels in a period.
struct alignas(64) PeriodWeights {
  __m512 sw[kPanels];
  __m512i z[kPanels];
};

inline void ReadPeriod(const PackedPanels* w, const int* panels, int k, PeriodWeights* p) {
  for (int q = 0; q < kPanels; ++q) {
    const ptrdiff_t at = ((ptrdiff_t)panels[q] * w->groups + k / w->group) * 16;
    p->sw[q] = w->scales_f16 ? _mm512_cvtph_ps(_mm256_load_si256((const __m256i*)((const uint16_t*)w->scales + at)))
                             : _mm512_load_ps((const float*)w->scales + at);
    if (w->zeros != nullptr) p->z[q] = _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i*)(w->zeros + at)));
  }
}

// Of rows [row, row + rows) of the period [k0, k1).
inline void ReadInput(const LinearPackedArgs& a, int k0, int k1, int row, int rows, PeriodEnd* end) {
  end->sx = a.x_scales + (ptrdiff_t)(k0 / a.activation_group) * a.x_rows + row;
  const __mmask16 there = (__mmask16)((1u << rows) - 1);
  const __m512i before = _mm512_maskz_loadu_epi32(there, a.x_sums + (ptrdiff_t)(k0 / 32) * a.x_rows + row);
  __m512i sum = _mm512_maskz_loadu_epi32(there, a.x_sums + (ptrdiff_t)(k1 / 32) * a.x_rows + row);
  sum = _mm512_sub_epi32(sum, before);
  if (a.w->zeros == nullptr) sum = _mm512_mullo_epi32(sum, _mm512_set1_epi32(a.w->bias));
  _mm512_storeu_si512(end->zs, sum);
}

inline int Least(int a, int b) { return a < b ? a : b; }

// Rows [row0, row0 + rows) of two panels; the second may be the first again, and is then not stored. `step` panels on
// are those that are read next.
void PanelPair(const LinearPackedArgs& a, ExpandFn expand, const int* panels, int step, int row0, int rows,
               Buffers* b) {
  const PackedPanels* w = a.w;
  const int segment = PackedSegment(w), period = PackedPeriod(w, a.activation_group);
  // Few rows want short chunks, whose products overlap with the next expansion (9 % at 16 rows), within a period.
  const int chunk = a.m > 32 || period > kChunkK ? kChunkK : period > 128 ? period : 128;
  TileCursor cursors[kPanels] = {CursorAt(w, panels[0], a.k_begin / 64), CursorAt(w, panels[1], a.k_begin / 64)};
  PanelEnds ends[kPanels];
  for (int q = 0; q < kPanels; ++q) {
    ends[q] = EndsOf(w, panels[q], panels[q] + step, a.k_begin / 64, a.k_end / 64);
  }
  for (int s0 = a.k_begin; s0 < a.k_end;) {
    const int s1 = Least(a.k_end, (s0 / segment + 1) * segment);
    for (int i = 0; i < rows; ++i) b->sums[i][0] = b->sums[i][1] = _mm512_setzero_ps();
    for (int c0 = s0; c0 < s1; c0 += chunk) {
      const int c1 = Least(s1, c0 + chunk);
      for (int q = 0; q < kPanels; ++q) {
        expand(w, panels[q], c0, (c1 - c0) / 64, ends[q], cursors + q, (__m512i(*)[kPanels]) & b->u[0][q]);
      }
      const ptrdiff_t row_bytes = (w->type == PackedValues::kInt8 ? 64 : 32) >> (w->mask != nullptr);
      Fetch fetch;
      for (int q = 0; q < kPanels; ++q) {
        fetch.at[q] = (const char*)cursors[q].values + (c1 == a.k_end ? ends[q].values_jump : 0);
      }
      for (int k0 = c0; k0 < c1;) {
        const int end = Least(s1, (k0 / period + 1) * period), k1 = Least(c1, end);
        const int begin = k0 / period * period > s0 ? k0 / period * period : s0;  // of the period
        PeriodWeights weights;
        if (k1 == end) ReadPeriod(w, panels, k0, &weights);
        PeriodEnd drain;
        for (int q = 0; q < kPanels; ++q) drain.sw[q] = (const float*)&weights.sw[q];
        drain.z = w->zeros != nullptr ? weights.z : nullptr;
        for (int i = 0; i < rows; i += kBlockRows) {
          fetch.step = i == 0 ? row_bytes : 0;
          const int row = row0 + i, block = Least(kBlockRows, rows - i);
          if (k1 == end) ReadInput(a, begin, k1, row, block, &drain);
          const int8_t* x = (const int8_t*)a.x + (ptrdiff_t)row * w->k_padded + (ptrdiff_t)k0 * block;
          kBlockDots[block](b->u + (k0 - c0) / 4, (k1 - k0) / 4, (const int32_t*)x, k0 != begin, fetch,
                            k1 == end ? &drain : nullptr, b->dots + i, b->sums + i);
        }
        for (int q = 0; q < kPanels; ++q) fetch.at[q] += (k1 - k0) / 4 * row_bytes;
        k0 = k1;
      }
    }
    for (int i = 0; i < rows; ++i) {
      for (int q = 0; q < (panels[1] != panels[0] ? 2 : 1); ++q) {
        float* y = a.y + (row0 + i) * a.y_stride + (ptrdiff_t)(panels[q] - a.panel_begin) * 16;
        const __m512 sum = b->sums[i][q];
        _mm512_storeu_ps(y, s0 == a.k_begin ? sum : _mm512_add_ps(_mm512_loadu_ps(y), sum));
      }
    }
    s0 = s1;
  }
}

}  // namespace

void Avx512LinearPackedInt8Block(const LinearPackedArgs& a) {
  ExpandFn expand;
  WithIntegerCodec(a.w, ChooseExpand{&expand});
  Buffers buffers;
  for (int panel = a.panel_begin; panel < a.panel_end; panel += kPanels) {
    const int panels[kPanels] = {panel, panel + 1 < a.panel_end ? panel + 1 : panel};
    for (int row0 = 0; row0 < a.m; row0 += kGroupRows) {
      const int rows = Least(kGroupRows, a.m - row0);
      PanelPair(a, expand, panels, row0 + rows < a.m ? 0 : kPanels, row0, rows, &buffers);
    }
  }
}

}  // namespace lacuna::kernels
