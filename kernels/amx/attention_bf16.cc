// Attention over bf16 pages on tiles: up to 256 queries (heads of a group x consecutive rows) of one KV head.
//
//   for each chunk of 512 tokens         its K and V (256 KiB a head at head_dim 128) stay in L2 for all queries
//     for each pair of 16-query tiles    o of the chunk in L1
//       for each block of 64 tokens
//         exp   S -> P in bf16, in place, and l; under it the tile unit computes S = q k^T of the block after, and then
//               PV of the block before, a panel of 16 channels at a time, each followed by o = fma(o, r, pv)
//         max   m' and r of the block after, whose S has been ready for half a block
//     merge the chunk into the total
//
// Tiles: scores  0 1 | 2 3 = S of queries 0-15, 16-31 x two panels of 16 tokens, 4 5 = q, 6 7 = K
//        values  2 3 | 4 5 = P of queries 0-15, 16-31 x 32 tokens, 0 1 = PV, 6 7 = V
// S is [2 tiles][4 panels of tokens][16][16] fp32; P of 32 tokens, [16][32] bf16, takes the place of the first and the
// second panel.
//
// Measured (Xeon with AMX, TSC 2.6 GHz, one thread; TSC cycles a block of 32 queries at head_dim 128):
// - Beside tile products FMA, multiply, maximum, VSCALEF and shifts go to one port, additions, comparisons and integers
//   to another. So exp compares and zeroes by mask instead of clamping, rounding tests a bit instead of shifting it, a
//   scale of 2^-n moves into exp's constants: 10.2 cycles a vector (11.1 with the scale) instead of 13.0.
// - Alone and from L1: exp 1000, S 565, PV 560, o 270, maxima 160. Together in one loop 2040 with zeros as operands on
//   one shared page, 2690 on pages of their own, 3000 with ordinary numbers; here 3300 to 3500. Half of the missing
//   overlap is L1 (90 KiB go through it a block), the rest the clock: a chain of decrements between two blocks runs at
//   2.4 GHz, after plain products at 3.4.
// - No gain: 16 queries at a time, two buffers of S, the softmax of a whole chunk before its values panel by panel,
//   two panels to an addition, VCVTNE2PS2BF16 (two uops on the FMA port). TILELOADDT1 for K and V: 5 % at head_dim 64.
#include <immintrin.h>

#include "kernels/amx/tile.h"
#include "kernels/attention_kernels.h"
#include "kernels/avx512/softmax-inl.h"

namespace lacuna::kernels {
namespace {

constexpr int kTileRows = 16, kGroup = 2 * kTileRows;

// What a group of one or two tiles of queries needs while it walks a chunk. Buffers of a block go round.
struct Group {
  alignas(64) float s[3][kGroup * kPageTokens];  // P of the block before, scores of this one and the next
  alignas(64) float pv[2][kGroup * 16];          // two panels of PV
  alignas(64) float sums[kGroup * 16];           // each row's sixteen partial sums
  alignas(64) float maxima[kGroup * 16];         // and maxima
  alignas(64) float m[2][kGroup], l[kGroup], r[3][kGroup];
  float* o;       // [panels][kGroup][16]
  const bf16* q;  // tiles of q: [2][steps][16][32]
  int rows[2];    // queries of each tile
  int tiles;
  uint32_t row_mask;  // rows that are queries
};

// exp of x = scale * t from t, where scale is a power of two that moves into the constants: each step of
// kernels/ref/exp-inl.h is repeated on values scaled by a power of two, so the result has the same bits.
struct ExpConstants {
  __m512 n, high, low, c6, c5, c4, c3, c2, c1, least;
};

struct Shape {
  int head_dim, depth, steps, panels;
  float scale;    // of the scores; 1 where exp's constants have it
  float m_scale;  // of the maxima of a chunk
};

static inline ExpConstants ExpOf(float scale) {
  const float by2 = scale * scale, by4 = by2 * by2;
  return {_mm512_set1_ps(scale * 0x1.715476p+0f),
          _mm512_set1_ps(-0x1.62e430p-1f / scale),
          _mm512_set1_ps(0x1.05c610p-29f / scale),
          _mm512_set1_ps(0x1.6ac74ep-10f * (by4 * by2)),
          _mm512_set1_ps(0x1.123de0p-7f * (by4 * scale)),
          _mm512_set1_ps(0x1.555858p-5f * by4),
          _mm512_set1_ps(0x1.55548cp-3f * (by2 * scale)),
          _mm512_set1_ps(0x1.fffffcp-2f * by2),
          _mm512_set1_ps(scale),
          _mm512_set1_ps(-88.0f / scale)};
}

static inline __attribute__((always_inline)) __m512 Exp(__m512 x, const ExpConstants& c, __mmask16 visible) {
  const __m512 shift = _mm512_set1_ps(12582912.0f);
  const __mmask16 keep = _mm512_mask_cmp_ps_mask(visible, x, c.least, _CMP_NLT_UQ);
  const __m512 n = _mm512_sub_ps(_mm512_fmadd_ps(x, c.n, shift), shift);
  __m512 r = _mm512_fmadd_ps(n, c.high, x);
  r = _mm512_fmadd_ps(n, c.low, r);
  __m512 p = _mm512_fmadd_ps(c.c6, r, c.c5);
  p = _mm512_fmadd_ps(p, r, c.c4);
  p = _mm512_fmadd_ps(p, r, c.c3);
  p = _mm512_fmadd_ps(p, r, c.c2);
  p = _mm512_fmadd_ps(p, r, c.c1);
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
  return _mm512_maskz_scalef_ps(keep, p, n);
}

// One 32-deep step of the scores over two panels of tokens. later: the same bytes of a later block, or null.
static inline __attribute__((always_inline)) void ScoreStep(const bf16* q, const bf16* k, const Shape& shape, bool two,
                                                            const char* later) {
  LACUNA_TILE_LOAD(4, q, 64);
  LACUNA_TILE_LOAD_STREAM(6, k, 64);
  LACUNA_TILE_DPBF16PS(0, 4, 6);
  LACUNA_TILE_LOAD_STREAM(7, k + (ptrdiff_t)16 * shape.depth, 64);
  LACUNA_TILE_DPBF16PS(1, 4, 7);
  if (two) {
    LACUNA_TILE_LOAD(5, q + (ptrdiff_t)shape.steps * 512, 64);
    LACUNA_TILE_DPBF16PS(2, 5, 6);
    LACUNA_TILE_DPBF16PS(3, 5, 7);
  }
  if (later) {
    for (int i = 0; i < 16; ++i) {
      _mm_prefetch(later + 64 * i, _MM_HINT_T1);
      _mm_prefetch(later + (ptrdiff_t)shape.depth * 32 + 64 * i, _MM_HINT_T1);
    }
  }
}

static inline __attribute__((always_inline)) void ScoreBegin(bool two) {
  LACUNA_TILE_ZERO(0);
  LACUNA_TILE_ZERO(1);
  if (two) {
    LACUNA_TILE_ZERO(2);
    LACUNA_TILE_ZERO(3);
  }
}

static inline __attribute__((always_inline)) void ScoreEnd(float* s, bool two) {
  LACUNA_TILE_STORE(0, s, 64);
  LACUNA_TILE_STORE(1, s + 256, 64);
  if (two) {
    LACUNA_TILE_STORE(2, s + 1024, 64);
    LACUNA_TILE_STORE(3, s + 1024 + 256, 64);
  }
}

// Sixteen p >= 0 (never denormal; NaN may become anything, its l is NaN) with their rounding added.
static inline __m512i RoundedUp(__m512 p) {
  const __m512i u = _mm512_castps_si512(p);
  const __mmask16 odd = _mm512_test_epi32_mask(u, _mm512_set1_epi32(0x10000));
  const __m512i even = _mm512_add_epi32(u, _mm512_set1_epi32(0x7fff));
  return _mm512_mask_add_epi32(even, odd, u, _mm512_set1_epi32(0x8000));
}

static inline __m512i PackP(__m512 low, __m512 high) {
  const __m512i upper_halves = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33,  //
                                                31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  return _mm512_permutex2var_epi16(RoundedUp(low), upper_halves, RoundedUp(high));
}

// max: m and r of a tile's rows from the block's scores. visible: null, or each row's slots. Returns the rows that
// see anything.
static inline __attribute__((always_inline)) uint32_t Maxima(Group* g, const Shape& shape, const ExpConstants& exp,
                                                             int t, const float* s, const uint64_t* visible,
                                                             const float* before, float* m, float* r) {
  const __m512 minus_inf = _mm512_set1_ps(-__builtin_inff());
  uint32_t active = 0xffffu;
  const float* x = s + t * 1024;
  for (int row = t * 16; row < t * 16 + g->rows[t]; ++row, x += 16) {
    __m512 a = _mm512_load_ps(x), b = _mm512_load_ps(x + 256);
    __m512 c = _mm512_load_ps(x + 512), d = _mm512_load_ps(x + 768);
    if (visible) {
      const uint64_t v = visible[row];
      a = _mm512_mask_mov_ps(minus_inf, (__mmask16)v, a);
      b = _mm512_mask_mov_ps(minus_inf, (__mmask16)(v >> 16), b);
      c = _mm512_mask_mov_ps(minus_inf, (__mmask16)(v >> 32), c);
      d = _mm512_mask_mov_ps(minus_inf, (__mmask16)(v >> 48), d);
      if (v == 0) active &= ~(1u << (row - t * 16));
    }
    _mm512_store_ps(g->maxima + row * 16, _mm512_max_ps(_mm512_max_ps(a, b), _mm512_max_ps(c, d)));
  }
  // scale > 0 and rounding are monotone: the maximum may be scaled instead of the scores.
  const __m512 top = _mm512_mul_ps(RowMaxima(g->maxima + t * 256), _mm512_set1_ps(shape.scale));
  const __m512 old = _mm512_load_ps(before + t * 16);
  const __m512 max = _mm512_mask_max_ps(old, (__mmask16)active, top, old);
  _mm512_store_ps(r + t * 16, Exp(_mm512_sub_ps(old, max), exp, 0xffff));
  _mm512_store_ps(m + t * 16, max);
  return active << 16 * t;
}

// exp of one row: P in place of its scores, and its sixteen partial sums.
static inline __attribute__((always_inline)) void ExpRow(Group* g, const Shape& shape, const ExpConstants& exp,
                                                         bool scaled, float* s, const float* maximum,
                                                         const uint64_t* visible, int row) {
  const __m512 m = _mm512_set1_ps(maximum[row]), by = _mm512_set1_ps(shape.scale);
  float* x = s + (row >> 4) * 1024 + (row & 15) * 16;
  const uint64_t v = visible ? visible[row] : ~0ull;
  __m512 a = _mm512_load_ps(x), b = _mm512_load_ps(x + 256), c = _mm512_load_ps(x + 512), d = _mm512_load_ps(x + 768);
  if (scaled) {
    a = _mm512_mul_ps(a, by);
    b = _mm512_mul_ps(b, by);
    c = _mm512_mul_ps(c, by);
    d = _mm512_mul_ps(d, by);
  }
  a = Exp(_mm512_sub_ps(a, m), exp, (__mmask16)v);
  b = Exp(_mm512_sub_ps(b, m), exp, (__mmask16)(v >> 16));
  c = Exp(_mm512_sub_ps(c, m), exp, (__mmask16)(v >> 32));
  d = Exp(_mm512_sub_ps(d, m), exp, (__mmask16)(v >> 48));
  _mm512_store_si512(x, PackP(a, b));
  _mm512_store_si512(x + 256, PackP(c, d));
  _mm512_store_ps(g->sums + row * 16, _mm512_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), c), d));
}

// o = fma(o, r, pv) of one panel's 16 rows; few instructions a row, or the products wait for the vectors.
static inline __attribute__((always_inline)) void AddRows(float* o, const float* r, const float* pv) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    const __m512 sum = _mm512_fmadd_ps(_mm512_load_ps(o + 16 * i), _mm512_set1_ps(r[i]), _mm512_load_ps(pv + 16 * i));
    _mm512_store_ps(o + 16 * i, sum);
  }
}

// The values' products of a block whose exp is done: panel by panel, each added to o while the next one runs.
struct Values {
  const float* p;  // null: no block yet
  const float* r;
  const bf16* values;
  const char* later;  // the values of a later block, or null
  uint32_t active;    // rows that see a slot of the block
  bool first;         // of the chunk, and every row sees it: its r is exp(-inf) = 0, and PV is o
};

static inline __attribute__((always_inline)) void AddPanel(Group* g, bool two, int panel, const Values& at) {
  if (at.first) return;
  const float* pv = g->pv[panel & 1];
  float* o = g->o + (ptrdiff_t)panel * kGroup * 16;
  if (at.active == (two ? 0xffffffffu : 0xffffu)) {
    AddRows(o, at.r, pv);
    if (two) AddRows(o + 256, at.r + 16, pv + 256);
    return;
  }
  for (uint32_t rows = at.active; rows; rows &= rows - 1) {
    const int i = __builtin_ctz(rows);
    const __m512 sum =
        _mm512_fmadd_ps(_mm512_load_ps(o + 16 * i), _mm512_set1_ps(at.r[i]), _mm512_load_ps(pv + 16 * i));
    _mm512_store_ps(o + 16 * i, sum);
  }
}

static inline __attribute__((always_inline)) void LoadP(const float* p, bool two) {
  LACUNA_TILE_LOAD(2, p, 64);
  LACUNA_TILE_LOAD(3, p + 256, 64);
  if (two) {
    LACUNA_TILE_LOAD(4, p + 1024, 64);
    LACUNA_TILE_LOAD(5, p + 1024 + 256, 64);
  }
}

// PV of one panel; adds the panel before to o.
static inline __attribute__((always_inline)) void ValuePanel(Group* g, const Values& at, int panel, bool two) {
  const bf16* v = at.values + (ptrdiff_t)panel * 16 * kPageTokens;
  float* pv = at.first ? g->o + (ptrdiff_t)panel * kGroup * 16 : g->pv[panel & 1];
  LACUNA_TILE_ZERO(0);
  LACUNA_TILE_LOAD_STREAM(6, v, 64);
  LACUNA_TILE_DPBF16PS(0, 2, 6);
  if (two) {
    LACUNA_TILE_ZERO(1);
    LACUNA_TILE_DPBF16PS(1, 4, 6);
  }
  LACUNA_TILE_LOAD_STREAM(7, v + 512, 64);
  LACUNA_TILE_DPBF16PS(0, 3, 7);
  if (two) LACUNA_TILE_DPBF16PS(1, 5, 7);
  if (at.later) {
    for (int i = 0; i < 32; ++i) _mm_prefetch(at.later + (ptrdiff_t)panel * 2048 + 64 * i, _MM_HINT_T1);
  }
  LACUNA_TILE_STORE(0, pv, 64);
  if (two) LACUNA_TILE_STORE(1, pv + 256, 64);
  if (panel > 0) AddPanel(g, two, panel - 1, at);
}

struct Walk {
  const AttentionArgs* args;
  const int64_t* positions;  // of the group's rows
  int64_t begin, end;        // blocks
  int64_t fetch_end;         // the chunk's first group brings later blocks into the cache, up to this one; others 0
};

static inline const bf16* Keys(const AttentionArgs& args, int64_t block) {
  return (const bf16*)((const char*)args.pages[block] + args.page_offset);
}

// One chunk's blocks for one group. The walk starts a block early, with scores alone, and ends with values alone.
template <bool two, bool scaled>
static __attribute__((noinline)) void WalkChunk(Group* g, const Shape& shape, const Walk& walk) {
  const AttentionArgs& args = *walk.args;
  const ExpConstants exp = ExpOf(scaled ? 1.0f : args.scale);
  const int rows = two ? kGroup : g->rows[0], tiles = two ? 2 : 1;
  // Rows of exp beside each step of the scores and each panel of the values.
  const int pieces = 2 * shape.steps + shape.panels;
  const int rows_a_piece = rows < pieces ? 1 : rows / pieces;
  const ptrdiff_t key_elements = (ptrdiff_t)kPageTokens * shape.depth;
  uint64_t slots[2][kGroup];
  const uint64_t* sees[2] = {0, 0};
  uint32_t active[2] = {0, 0};
  Values before = {0, 0, 0, 0, 0, false};
  for (int64_t block = walk.begin - 1; block <= walk.end; ++block) {
    float* s = g->s[(block + 3) % 3];
    const float* m = g->m[block & 1];
    const float* r = g->r[(block + 3) % 3];
    const uint64_t* visible = sees[block & 1];
    const int64_t next = block + 1;
    const bool here = block >= walk.begin && block < walk.end, more = next < walk.end;
    int row = here ? 0 : rows;
    const auto exp_rows = [&](int end) __attribute__((always_inline)) {
      for (; row < end; ++row) {
        if (visible) {
          ExpRow(g, shape, exp, scaled, s, m, visible, row);
        } else {
          ExpRow(g, shape, exp, scaled, s, m, 0, row);
        }
      }
    };
    const auto maxima = [&](int t) __attribute__((always_inline)) {
      const uint64_t* v = sees[next & 1];
      float* to = g->m[next & 1];
      active[next & 1] |= v ? Maxima(g, shape, exp, t, g->s[next % 3], v, m, to, g->r[next % 3])
                            : Maxima(g, shape, exp, t, g->s[next % 3], 0, m, to, g->r[next % 3]);
    };
    if (more) {
      const bf16* k = Keys(args, next);
      // Keys come one block ahead of values: what is fetched is a block further ahead too.
      const char* later = next + 1 < walk.fetch_end ? (const char*)Keys(args, next + 1) : 0;
      for (int half = 0; half < 2; ++half) {
        ScoreBegin(two);
        for (int step = 0; step < shape.steps; ++step) {
          const ptrdiff_t at = (ptrdiff_t)half * 32 * shape.depth + step * 512;
          ScoreStep(g->q + step * 512, k + at, shape, two, later ? later + 2 * at : 0);
          exp_rows(row + rows_a_piece < rows ? row + rows_a_piece : rows);
        }
        ScoreEnd(g->s[next % 3] + half * 512, two);
      }
      // The first row starts and ends its window first.
      const int64_t base = next * kPageTokens;
      sees[next & 1] = 0;
      active[next & 1] = 0;
      if (walk.positions[0] < base + kPageTokens - 1 ||
          (args.window > 0 && walk.positions[rows - 1] - args.window >= base)) {
        for (int i = 0; i < rows; ++i) slots[next & 1][i] = VisibleSlots(base, walk.positions[i], args.window);
        sees[next & 1] = slots[next & 1];
      }
    }
    if (before.p) {
      LoadP(before.p, two);
      for (int panel = 0; panel < shape.panels; ++panel) {
        ValuePanel(g, before, panel, two);
        exp_rows(row + rows_a_piece < rows ? row + rows_a_piece : rows);
        if (two && more && panel == shape.panels / 2) maxima(0);
      }
    }
    exp_rows(rows);
    if (more && two && !before.p) maxima(0);
    if (more) maxima(two ? 1 : 0);
    if (before.p) AddPanel(g, two, shape.panels - 1, before);
    if (!here) continue;
    for (int t = 0; t < tiles; ++t) {
      const __m512 l = _mm512_load_ps(g->l + t * 16), sums = RowSums(g->sums + t * 256);
      _mm512_mask_store_ps(g->l + t * 16, (__mmask16)(active[block & 1] >> 16 * t),
                           _mm512_fmadd_ps(l, _mm512_load_ps(r + t * 16), sums));
    }
    const bool first = block == walk.begin && active[block & 1] == (two ? 0xffffffffu : 0xffffu);
    if (block == walk.begin && !first) __builtin_memset(g->o, 0, sizeof(float) * (size_t)kGroup * 16 * shape.panels);
    const char* later = next < walk.fetch_end ? (const char*)(Keys(args, next) + key_elements) : 0;
    before = Values{s, r, Keys(args, block) + key_elements, later, active[block & 1], first};
  }
  for (int t = 0; t < kGroup; t += 16) {
    const __m512 m = _mm512_load_ps(g->m[(walk.end - 1) & 1] + t);
    _mm512_store_ps(g->m[0] + t, _mm512_mul_ps(m, _mm512_set1_ps(shape.m_scale)));
  }
}

// Takes the group's chunk into its total, as the contract merges chunks; rows that saw nothing stay as they are.
void MergeGroup(Group* g, int panels, float* total_m, float* total_l, float* total_o) {
  alignas(64) float c[kGroup];
  uint32_t seen = 0;
  for (int t = 0; t < kGroup; t += 16) {
    const __m512 m = _mm512_load_ps(g->m[0] + t), l = _mm512_load_ps(g->l + t);
    const __m512 old_m = _mm512_loadu_ps(total_m + t), old_l = _mm512_loadu_ps(total_l + t);
    const __mmask16 rows = _mm512_cmp_ps_mask(l, _mm512_setzero_ps(), _CMP_NEQ_UQ);
    const __m512 max = _mm512_max_ps(m, old_m);
    const __m512 r = ExpNonPositiveAvx512(_mm512_sub_ps(old_m, max));
    const __m512 by = ExpNonPositiveAvx512(_mm512_sub_ps(m, max));
    _mm512_store_ps(g->r[0] + t, r);
    _mm512_store_ps(c + t, by);
    _mm512_mask_storeu_ps(total_m + t, rows, max);
    _mm512_mask_storeu_ps(total_l + t, rows, _mm512_fmadd_ps(old_l, r, _mm512_mul_ps(l, by)));
    seen |= (uint32_t)rows << t;
  }
  if ((seen & g->row_mask) == 0xffffffffu) {
    for (int panel = 0; panel < panels; ++panel, total_o += kGroup * 16) {
      const float* o = g->o + (ptrdiff_t)panel * kGroup * 16;
#pragma GCC unroll 8
      for (int i = 0; i < kGroup; ++i) {
        const __m512 part = _mm512_mul_ps(_mm512_load_ps(o + 16 * i), _mm512_set1_ps(c[i]));
        const __m512 sum = _mm512_fmadd_ps(_mm512_load_ps(total_o + 16 * i), _mm512_set1_ps(g->r[0][i]), part);
        _mm512_store_ps(total_o + 16 * i, sum);
      }
    }
    return;
  }
  for (int panel = 0; panel < panels; ++panel, total_o += kGroup * 16) {
    const float* o = g->o + (ptrdiff_t)panel * kGroup * 16;
    for (uint32_t rows = seen & g->row_mask; rows; rows &= rows - 1) {
      const int i = __builtin_ctz(rows);
      const __m512 part = _mm512_mul_ps(_mm512_load_ps(o + 16 * i), _mm512_set1_ps(c[i]));
      const __m512 sum = _mm512_fmadd_ps(_mm512_load_ps(total_o + 16 * i), _mm512_set1_ps(g->r[0][i]), part);
      _mm512_store_ps(total_o + 16 * i, sum);
    }
  }
}

// q rounded to bf16 in tiles [tile][step][16 rows][32]; rows beyond the last query are zero.
void PackQueries(const AttentionArgs& args, const Shape& shape, int queries, int tiles, bf16* q) {
  for (int i = 0; i < tiles * kTileRows; ++i) {
    const float* x = args.q + (i / args.heads) * args.q_row_stride + (i % args.heads) * args.q_stride;
    bf16* y = q + (ptrdiff_t)(i / 16) * shape.steps * 512 + (i % 16) * 32;
    for (int d = 0; d < shape.depth; d += 16) {
      const int left = i < queries ? shape.head_dim - d : 0;
      const __m512 v = left > 0 ? _mm512_maskz_loadu_ps(FirstLanes(left), x + d) : _mm512_setzero_ps();
      _mm256_store_si256((__m256i*)(y + (d / 32) * 512 + d % 32), ToBf16Avx512(v));
    }
  }
}

// 2^-8 to 1: what exp's constants can take in, and scores cannot overflow by.
bool IsSmallPowerOfTwo(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof(bits));
  return (bits & 0x7fffff) == 0 && x <= 1.0f && x >= 0x1p-8f;
}

}  // namespace

void AmxAttentionBf16(const AttentionArgs& args) {
  const int head_dim = args.head_dim, depth = RoundUp(head_dim, 32), dims = RoundUp(head_dim, 16);
  const bool scaled = !IsSmallPowerOfTwo(args.scale);
  const Shape shape = {head_dim, depth, depth / 32, dims / 16, scaled ? args.scale : 1.0f, scaled ? 1.0f : args.scale};
  const int queries = args.heads * args.rows;
  const int tiles = (queries + 15) / 16;
  const int groups = (tiles + 1) / 2;
  bf16* q = (bf16*)args.scratch;
  float* total_o = (float*)(q + (ptrdiff_t)groups * kGroup * depth);  // [groups][panels][kGroup][16]
  float* chunk_o = total_o + (ptrdiff_t)groups * kGroup * dims;
  alignas(64) float total_m[kMaxQueries], total_l[kMaxQueries];
  int64_t positions[kMaxQueries];
  Group g;
  __builtin_memset(g.sums, 0, sizeof(g.sums));
  __builtin_memset(g.maxima, 0, sizeof(g.maxima));
  PackQueries(args, shape, queries, tiles, q);
  for (int i = 0; i < groups * kGroup; ++i) {
    // Rows beyond the last query repeat it: nobody reads what they give.
    positions[i] = args.position + (i < queries ? i : queries - 1) / args.heads;
    total_m[i] = -__builtin_inff();
    total_l[i] = 0.0f;
  }
  if (!args.partial) __builtin_memset(total_o, 0, sizeof(float) * (size_t)groups * kGroup * dims);

  TileConfig config{};
  const int tile_rows = queries < 16 ? queries : 16;
  for (int t = 0; t < 6; ++t) TileConfigSet(&config, t, tile_rows, 64);
  TileConfigSet(&config, 6, 16, 64);
  TileConfigSet(&config, 7, 16, 64);
  TileLoadConfig(&config);

  const int64_t last = args.position + args.rows - 1;
  const int64_t first = args.window > 0 && args.position >= args.window ? args.position - args.window + 1 : 0;
  const int64_t chunk_begin = args.partial ? args.chunk_begin : first / kChunkTokens;
  const int64_t chunk_end = args.partial ? args.chunk_end : last / kChunkTokens + 1;
  for (int64_t chunk = chunk_begin; chunk < chunk_end; ++chunk) {
    bool fetched = false;
    const int64_t fetch_end = chunk + 1 < chunk_end ? chunk * 8 + 9 : last / kPageTokens + 1;
    for (int tile = 0; tile < tiles; tile += 2) {
      const int count = queries - tile * 16 < kGroup ? queries - tile * 16 : kGroup;
      g.tiles = count > 16 ? 2 : 1;
      g.rows[0] = count < 16 ? count : 16;
      g.rows[1] = g.tiles == 2 ? 16 : 0;
      g.row_mask = count == kGroup ? 0xffffffffu : (1u << count) - 1;
      g.q = q + (ptrdiff_t)tile * 16 * depth;
      g.o = chunk_o;
      const int64_t* at = positions + tile * 16;
      const int64_t low = args.window > 0 && at[0] >= args.window ? at[0] - args.window + 1 : 0;
      Walk walk = {&args, at, low / kPageTokens, at[count - 1] / kPageTokens + 1, fetched ? 0 : fetch_end};
      if (walk.begin < chunk * 8) walk.begin = chunk * 8;
      if (walk.end > chunk * 8 + 8) walk.end = chunk * 8 + 8;
      for (int i = 0; i < kGroup; ++i) {
        g.m[0][i] = g.m[1][i] = -__builtin_inff();
        g.l[i] = 0.0f;
      }
      if (walk.begin < walk.end) {
        fetched = true;
        const auto run = g.tiles == 2 ? (scaled ? WalkChunk<true, true> : WalkChunk<true, false>)
                                      : (scaled ? WalkChunk<false, true> : WalkChunk<false, false>);
        run(&g, shape, walk);
      }
      if (!args.partial) {
        MergeGroup(&g, shape.panels, total_m + tile * 16, total_l + tile * 16, total_o + (ptrdiff_t)tile * 16 * dims);
        continue;
      }
      for (int i = 0; i < count; ++i) {
        float* to =
            args.partial + (chunk - chunk_begin) * args.partial_stride + (tile * 16 + i) * PartialFloats(head_dim);
        to[0] = g.m[0][i];
        to[1] = g.l[i];
        for (int panel = 0; g.l[i] != 0.0f && panel < shape.panels; ++panel) {
          _mm512_storeu_ps(to + 16 + 16 * panel, _mm512_load_ps(g.o + ((ptrdiff_t)panel * kGroup + i) * 16));
        }
      }
    }
  }
  TileRelease();
  if (args.partial) return;
  for (int i = 0; i < queries; ++i) {
    float* out = args.out + (i / args.heads) * args.out_row_stride + (i % args.heads) * args.out_stride;
    const float* o = total_o + (ptrdiff_t)(i / kGroup) * kGroup * dims + (i % kGroup) * 16;
    const __m512 l = _mm512_set1_ps(total_l[i]);
    for (int d = 0; d < head_dim; d += 16) {
      const __m512 y = _mm512_div_ps(_mm512_load_ps(o + (ptrdiff_t)d * kGroup), l);
      _mm512_mask_storeu_ps(out + d, FirstLanes(head_dim - d), y);
    }
  }
}

}  // namespace lacuna::kernels
