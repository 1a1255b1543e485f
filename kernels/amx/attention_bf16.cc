// Attention over bf16 pages on tiles: up to 256 queries (heads of a group x consecutive rows) of one KV head.
//
//   for each chunk of 512 tokens         its K and V (256 KiB a head at head_dim 128) stay in L2 for all queries
//     for each pair of 16-query tiles    o of the chunk in L1
//       for each block of 64 tokens
//         max   m' and r of 32 queries from S, the block's scores
//         exp   S -> P in bf16, in place, and l; under it the tile unit computes PV of the block before, a panel of 16
//               channels at a time, each followed by o = fma(o, r, pv), and then S = q k^T of the block after
//     merge the chunk into the total
//
// Tiles: scores  0 1 | 2 3 = S of queries 0-15, 16-31 x two panels of 16 tokens, 4 5 = q, 6 7 = K
//        values  2 3 | 4 5 = P of queries 0-15, 16-31 x 32 tokens, 0 1 = PV, 6 7 = V
// S is [2 tiles][16][64] fp32, rows 256 bytes apart; a row's P takes the first 128 bytes of its S.
//
// Measured (Xeon with AMX, 3.5 GHz, a busy machine): for some 3000 cycles after a tile product, zmm FMA, multiply and
// maximum run at one a cycle instead of two (additions and integers keep two), tile products or not. So an exp costs
// 12.4 cycles a vector beside tiles against 8.7 without, and exp is the bound of head_dim 64: 2300 of 3200 cycles a
// block of 32 queries, products alone 512. TILEZERO is 3 to 5 % faster than a load of zeros; VCVTNE2PS2BF16 instead of integer rounding
// changes nothing that can be measured.
#include <immintrin.h>

#include "kernels/amx/tile.h"
#include "kernels/attention_kernels.h"
#include "kernels/avx512/softmax-inl.h"

namespace lacuna::kernels {
namespace {

constexpr int kTileRows = 16, kGroup = 2 * kTileRows;

// What a group of one or two tiles of queries needs while it walks a chunk.
struct Group {
  alignas(64) float s[3][kGroup * kPageTokens];  // P of the block before, scores of this one and the next
  alignas(64) float pv[2][kGroup * 16];          // two panels of PV
  alignas(64) float lanes[kGroup * 16];          // each row's maxima or sums before the tree
  alignas(64) float m[kGroup], l[kGroup], r[2][kGroup];
  float* o;       // [kGroup][dims]
  const bf16* q;  // tiles of q: [2][steps][16][32]
  int rows[2];    // queries of each tile
  int tiles;
  bool all_rows;      // every row of the tiles is a query
  uint32_t row_mask;  // those that are
};

struct Shape {
  int head_dim, depth, steps, dims, panels;
  float scale;
};

// The scores' products in pieces of one 32-deep step over two panels of tokens: 2 * steps pieces make a block.
struct ScorePieces {
  const bf16* keys;
  const char* prefetch;  // the same bytes of a later block, or null
  float* s;
  int half, step;
};

static inline __attribute__((always_inline)) void ScorePiece(const Group& g, const Shape& shape, bool two,
                                                             ScorePieces* at) {
  const int step = at->step;
  float* s = at->s + at->half * 32;
  const bf16* k = at->keys + (ptrdiff_t)at->half * 32 * shape.depth + (ptrdiff_t)step * 512;
  if (step == 0) {
    LACUNA_TILE_ZERO(0);
    LACUNA_TILE_ZERO(1);
    if (two) {
      LACUNA_TILE_ZERO(2);
      LACUNA_TILE_ZERO(3);
    }
  }
  LACUNA_TILE_LOAD(4, g.q + (ptrdiff_t)step * 512, 64);
  LACUNA_TILE_LOAD(6, k, 64);
  LACUNA_TILE_DPBF16PS(0, 4, 6);
  LACUNA_TILE_LOAD(7, k + (ptrdiff_t)16 * shape.depth, 64);
  LACUNA_TILE_DPBF16PS(1, 4, 7);
  if (two) {
    LACUNA_TILE_LOAD(5, g.q + (ptrdiff_t)(shape.steps + step) * 512, 64);
    LACUNA_TILE_DPBF16PS(2, 5, 6);
    LACUNA_TILE_DPBF16PS(3, 5, 7);
  }
  if (at->prefetch) {
    const char* p = at->prefetch + ((const char*)k - (const char*)at->keys);
    for (int i = 0; i < 16; ++i) {
      _mm_prefetch(p + 64 * i, _MM_HINT_T1);
      _mm_prefetch(p + (ptrdiff_t)shape.depth * 32 + 64 * i, _MM_HINT_T1);
    }
  }
  if (step + 1 < shape.steps) {
    at->step = step + 1;
    return;
  }
  LACUNA_TILE_STORE(0, s, 256);
  LACUNA_TILE_STORE(1, s + 16, 256);
  if (two) {
    LACUNA_TILE_STORE(2, s + 16 * 64, 256);
    LACUNA_TILE_STORE(3, s + 16 * 64 + 16, 256);
  }
  at->step = 0;
  ++at->half;
}

// Sixteen p >= 0 (never denormal; NaN may become anything, its l is NaN) with their rounding added.
static inline __m512i RoundedUp(__m512 p) {
  const __m512i u = _mm512_castps_si512(p);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  return _mm512_add_epi32(_mm512_add_epi32(u, odd), _mm512_set1_epi32(0x7fff));
}

static inline __m512i PackP(__m512 low, __m512 high) {
  const __m512i upper_halves = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33,  //
                                                31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
  return _mm512_permutex2var_epi16(RoundedUp(low), upper_halves, RoundedUp(high));
}

// max: m and r of the group's rows from the block's scores. visible: null, or each row's slots. Returns the rows that
// see anything.
static inline __attribute__((always_inline)) uint32_t Maxima(Group* g, const Shape& shape, const float* s,
                                                             const uint64_t* visible, float* r) {
  const __m512 minus_inf = _mm512_set1_ps(-__builtin_inff());
  uint32_t active = 0xffffffffu;
  for (int t = 0; t < g->tiles; ++t) {
    for (int row = t * kTileRows; row < t * kTileRows + g->rows[t]; ++row) {
      const float* x = s + row * kPageTokens;
      __m512 a = _mm512_load_ps(x), b = _mm512_load_ps(x + 16);
      __m512 c = _mm512_load_ps(x + 32), d = _mm512_load_ps(x + 48);
      if (visible) {
        const uint64_t v = visible[row];
        a = _mm512_mask_mov_ps(minus_inf, (__mmask16)v, a);
        b = _mm512_mask_mov_ps(minus_inf, (__mmask16)(v >> 16), b);
        c = _mm512_mask_mov_ps(minus_inf, (__mmask16)(v >> 32), c);
        d = _mm512_mask_mov_ps(minus_inf, (__mmask16)(v >> 48), d);
        if (v == 0) active &= ~(1u << row);
      }
      _mm512_store_ps(g->lanes + row * 16, _mm512_max_ps(_mm512_max_ps(a, b), _mm512_max_ps(c, d)));
    }
    // scale > 0 and rounding are monotone: the maximum may be scaled instead of the scores.
    const __m512 top = _mm512_mul_ps(RowMaxima(g->lanes + t * 256), _mm512_set1_ps(shape.scale));
    const __m512 m = _mm512_load_ps(g->m + t * 16);
    const __mmask16 rows = (__mmask16)(active >> 16 * t);
    const __m512 max = _mm512_mask_max_ps(m, rows, top, m);
    _mm512_store_ps(r + t * 16, ExpNonPositiveAvx512(_mm512_sub_ps(m, max)));
    _mm512_store_ps(g->m + t * 16, max);
  }
  return active;
}

// exp of one row: P in place of its scores, and its sixteen partial sums.
static inline __attribute__((always_inline)) void ExpRow(Group* g, float scale, float* s, const uint64_t* visible,
                                                         int row) {
  const __m512 m = _mm512_set1_ps(g->m[row]), by = _mm512_set1_ps(scale);
  float* x = s + row * kPageTokens;
  __m512 a = ExpNonPositiveAvx512(_mm512_sub_ps(_mm512_mul_ps(_mm512_load_ps(x), by), m));
  __m512 b = ExpNonPositiveAvx512(_mm512_sub_ps(_mm512_mul_ps(_mm512_load_ps(x + 16), by), m));
  __m512 c = ExpNonPositiveAvx512(_mm512_sub_ps(_mm512_mul_ps(_mm512_load_ps(x + 32), by), m));
  __m512 d = ExpNonPositiveAvx512(_mm512_sub_ps(_mm512_mul_ps(_mm512_load_ps(x + 48), by), m));
  if (visible) {
    const uint64_t v = visible[row];
    a = _mm512_maskz_mov_ps((__mmask16)v, a);
    b = _mm512_maskz_mov_ps((__mmask16)(v >> 16), b);
    c = _mm512_maskz_mov_ps((__mmask16)(v >> 32), c);
    d = _mm512_maskz_mov_ps((__mmask16)(v >> 48), d);
  }
  _mm512_store_si512(x, PackP(a, b));
  _mm512_store_si512(x + 16, PackP(c, d));
  _mm512_store_ps(g->lanes + row * 16, _mm512_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), c), d));
}

// o = fma(o, r, pv) of one panel's 16 rows; few instructions a row, or the products wait for the vectors.
static inline __attribute__((always_inline)) void AddRows(float* o, const float* r, const float* pv) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    const __m512 sum = _mm512_fmadd_ps(_mm512_load_ps(o + 16 * i), _mm512_set1_ps(r[i]), _mm512_load_ps(pv + 16 * i));
    _mm512_store_ps(o + 16 * i, sum);
  }
}

// The values' products of one block in pieces: piece i multiplies panel i and adds panel i - 1 to o.
struct ValuePieces {
  const float* p;  // the block's P
  const float* r;
  const bf16* values;
  const char* prefetch;  // the values of a later block, or null
  uint32_t active;       // rows that see a slot of the block
  int panel;
};

static inline __attribute__((always_inline)) void AddPanel(Group* g, bool two, int panel, const ValuePieces& at) {
  const float* pv = g->pv[panel & 1];
  float* o = g->o + (ptrdiff_t)panel * kGroup * 16;
  if (g->all_rows && at.active == 0xffffffffu) {
    AddRows(o, at.r, pv);
    if (two) AddRows(o + 256, at.r + 16, pv + 256);
    return;
  }
  for (uint32_t rows = at.active & g->row_mask; rows; rows &= rows - 1) {
    const int i = __builtin_ctz(rows);
    const __m512 sum =
        _mm512_fmadd_ps(_mm512_load_ps(o + 16 * i), _mm512_set1_ps(at.r[i]), _mm512_load_ps(pv + 16 * i));
    _mm512_store_ps(o + 16 * i, sum);
  }
}

static inline __attribute__((always_inline)) void ValuePiece(Group* g, const Shape& shape, bool two, ValuePieces* at) {
  const int panel = at->panel++;
  if (panel == 0) {
    LACUNA_TILE_LOAD(2, at->p, 256);
    LACUNA_TILE_LOAD(3, at->p + 16, 256);
    if (two) {
      LACUNA_TILE_LOAD(4, at->p + 16 * 64, 256);
      LACUNA_TILE_LOAD(5, at->p + 16 * 64 + 16, 256);
    }
  }
  if (panel < shape.panels) {
    const bf16* v = at->values + (ptrdiff_t)panel * 16 * kPageTokens;
    float* pv = g->pv[panel & 1];
    LACUNA_TILE_ZERO(0);
    LACUNA_TILE_LOAD(6, v, 64);
    LACUNA_TILE_DPBF16PS(0, 2, 6);
    if (two) {
      LACUNA_TILE_ZERO(1);
      LACUNA_TILE_DPBF16PS(1, 4, 6);
    }
    LACUNA_TILE_LOAD(7, v + 512, 64);
    LACUNA_TILE_DPBF16PS(0, 3, 7);
    if (two) LACUNA_TILE_DPBF16PS(1, 5, 7);
    if (at->prefetch) {
      const char* later = at->prefetch + (ptrdiff_t)panel * 2048;
      for (int i = 0; i < 32; ++i) _mm_prefetch(later + 64 * i, _MM_HINT_T1);
    }
    LACUNA_TILE_STORE(0, pv, 64);
    if (two) LACUNA_TILE_STORE(1, pv + 256, 64);
  }
  if (panel > 0) AddPanel(g, two, panel - 1, *at);
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

// One chunk's blocks for one group. While vectors do a block's exp, the tile unit multiplies the values of the block
// before and then the keys of the block after.
static inline __attribute__((always_inline)) void WalkChunk(Group* g, const Shape& shape, bool two, const Walk& walk) {
  const AttentionArgs& args = *walk.args;
  const int queries = g->rows[0] + g->rows[1];
  const int score_pieces = 2 * shape.steps, value_pieces = shape.panels + 1;
  const ptrdiff_t key_elements = (ptrdiff_t)kPageTokens * shape.depth;
  uint64_t slots[kGroup];
  ScorePieces next = {Keys(args, walk.begin), 0, g->s[walk.begin % 3], 0, 0};
  ValuePieces before = {0, 0, 0, 0, 0, value_pieces};
  for (int i = 0; i < score_pieces; ++i) ScorePiece(*g, shape, two, &next);
  for (int64_t block = walk.begin; block < walk.end; ++block) {
    float* s = g->s[block % 3];
    float* r = g->r[block & 1];
    const int64_t base = block * kPageTokens;
    // The first row starts and ends its window first.
    const int64_t low = walk.positions[0], high = walk.positions[queries - 1];
    const uint64_t* visible = 0;
    if (low < base + kPageTokens - 1 || (args.window > 0 && high - args.window >= base)) {
      for (int i = 0; i < kGroup; ++i) {
        slots[i] = i < queries ? VisibleSlots(base, walk.positions[i], args.window) : 0;
      }
      visible = slots;
    }
    const uint32_t active = visible ? Maxima(g, shape, s, visible, r) : Maxima(g, shape, s, 0, r);

    // Keys come one block ahead of values: what is fetched is a block further ahead too.
    if (block + 1 < walk.end) {
      const char* later = block + 2 < walk.fetch_end ? (const char*)Keys(args, block + 2) : 0;
      next = ScorePieces{Keys(args, block + 1), later, g->s[(block + 1) % 3], 0, 0};
    } else {
      next.half = 2;
    }
    const int pieces = value_pieces - before.panel + (next.half == 0 ? score_pieces : 0);
    int taken = 0, done = 0;
    for (int t = 0; t < g->tiles; ++t) {
      for (int row = t * kTileRows; row < t * kTileRows + g->rows[t]; ++row) {
        if (visible) {
          ExpRow(g, shape.scale, s, visible, row);
        } else {
          ExpRow(g, shape.scale, s, 0, row);
        }
        ++taken;
        for (; done * queries < taken * pieces; ++done) {
          if (before.panel < value_pieces) {
            ValuePiece(g, shape, two, &before);
          } else {
            ScorePiece(*g, shape, two, &next);
          }
        }
      }
    }
    for (int t = 0; t < g->tiles; ++t) {
      const __mmask16 rows = (__mmask16)(active >> 16 * t);
      const __m512 l = _mm512_load_ps(g->l + t * 16), sums = RowSums(g->lanes + t * 256);
      _mm512_mask_store_ps(g->l + t * 16, rows, _mm512_fmadd_ps(l, _mm512_load_ps(r + t * 16), sums));
    }
    const char* ahead = block + 1 < walk.fetch_end ? (const char*)(Keys(args, block + 1) + key_elements) : 0;
    before = ValuePieces{s, r, Keys(args, block) + key_elements, ahead, active, 0};
  }
  for (int i = 0; i < value_pieces; ++i) ValuePiece(g, shape, two, &before);
}

__attribute__((noinline)) void WalkOne(Group* g, const Shape& shape, const Walk& walk) {
  WalkChunk(g, shape, false, walk);
}
__attribute__((noinline)) void WalkTwo(Group* g, const Shape& shape, const Walk& walk) {
  WalkChunk(g, shape, true, walk);
}

// Takes the group's chunk into its total, as the contract merges chunks; rows that saw nothing stay as they are.
void MergeGroup(Group* g, int panels, float* total_m, float* total_l, float* total_o) {
  alignas(64) float c[kGroup];
  uint32_t seen = 0;
  for (int t = 0; t < kGroup; t += 16) {
    const __m512 m = _mm512_load_ps(g->m + t), l = _mm512_load_ps(g->l + t);
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

}  // namespace

void AmxAttentionBf16(const AttentionArgs& args) {
  const int head_dim = args.head_dim;
  const Shape shape = {
      head_dim,  RoundUp(head_dim, 32), RoundUp(head_dim, 32) / 32, RoundUp(head_dim, 16), RoundUp(head_dim, 16) / 16,
      args.scale};
  const int queries = args.heads * args.rows;
  const int tiles = (queries + 15) / 16;
  bf16* q = (bf16*)args.scratch;
  const int groups = (tiles + 1) / 2;
  float* total_o = (float*)(q + (ptrdiff_t)groups * kGroup * shape.depth);  // [groups][panels][kGroup][16]
  float* chunk_o = total_o + (ptrdiff_t)groups * kGroup * shape.dims;
  alignas(64) float total_m[kMaxQueries], total_l[kMaxQueries];
  int64_t positions[kMaxQueries];
  Group g;
  __builtin_memset(g.lanes, 0, sizeof(g.lanes));
  PackQueries(args, shape, queries, tiles, q);
  for (int i = 0; i < queries; ++i) {
    positions[i] = args.position + i / args.heads;
  }
  for (int i = 0; i < groups * kGroup; ++i) {
    total_m[i] = -__builtin_inff();
    total_l[i] = 0.0f;
  }
  if (!args.partial) __builtin_memset(total_o, 0, sizeof(float) * (size_t)groups * kGroup * shape.dims);

  TileConfig config{};
  const int tile_rows = queries < 16 ? queries : 16;
  for (int t = 0; t < 6; ++t) TileConfigSet(&config, t, tile_rows, 64);
  if (tile_rows < 16) TileConfigSet(&config, 1, tile_rows, 64);
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
      g.tiles = tiles - tile < 2 ? 1 : 2;
      g.rows[0] = queries - tile * 16 < 16 ? queries - tile * 16 : 16;
      g.rows[1] = g.tiles == 1 ? 0 : queries - tile * 16 - 16 < 16 ? queries - tile * 16 - 16 : 16;
      g.q = q + (ptrdiff_t)tile * 16 * shape.depth;
      g.o = chunk_o;
      const int count = g.rows[0] + g.rows[1];
      g.all_rows = count == g.tiles * 16;
      g.row_mask = count == 32 ? 0xffffffffu : (1u << count) - 1;
      const int64_t* at = positions + tile * 16;
      const int64_t low = args.window > 0 && at[0] >= args.window ? at[0] - args.window + 1 : 0;
      Walk walk = {&args, at, low / kPageTokens, at[count - 1] / kPageTokens + 1, fetched ? 0 : fetch_end};
      if (walk.begin < chunk * 8) walk.begin = chunk * 8;
      if (walk.end > chunk * 8 + 8) walk.end = chunk * 8 + 8;
      for (int i = 0; i < kGroup; ++i) {
        g.m[i] = -__builtin_inff();
        g.l[i] = 0.0f;
      }
      if (walk.begin < walk.end) {
        fetched = true;
        __builtin_memset(g.o, 0, sizeof(float) * (size_t)kGroup * shape.dims);
        if (g.tiles == 2) {
          WalkTwo(&g, shape, walk);
        } else {
          WalkOne(&g, shape, walk);
        }
      }
      if (!args.partial) {
        MergeGroup(&g, shape.panels, total_m + tile * 16, total_l + tile * 16,
                   total_o + (ptrdiff_t)tile * 16 * shape.dims);
        continue;
      }
      for (int i = 0; i < count; ++i) {
        float* to =
            args.partial + (chunk - chunk_begin) * args.partial_stride + (tile * 16 + i) * PartialFloats(head_dim);
        to[0] = g.m[i];
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
    const float* o = total_o + (ptrdiff_t)(i / kGroup) * kGroup * shape.dims + (i % kGroup) * 16;
    const __m512 l = _mm512_set1_ps(total_l[i]);
    for (int d = 0; d < head_dim; d += 16) {
      const __m512 y = _mm512_div_ps(_mm512_load_ps(o + (ptrdiff_t)d * kGroup), l);
      _mm512_mask_storeu_ps(out + d, FirstLanes(head_dim - d), y);
    }
  }
}

}  // namespace lacuna::kernels
