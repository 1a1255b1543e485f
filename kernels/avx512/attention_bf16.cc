// Attention over bf16 pages in AVX-512: up to 256 queries (heads of a group x consecutive rows) of one KV head.
// Decoding reads each page once for all queries; a prompt keeps a chunk's K and V in L2 and walks it for 16 queries at
// a time.
//
// Both dots are one routine: NQ queries, as fp32 broadcast from memory, against a panel of 16 channels (tokens for the
// scores, dims for the values), two chains a query (even and odd k), 2 NQ chains in flight. A row of the panel is
// widened once for all NQ. Registers at NQ = 8: 16 chains, 8 sums, 2 halves.
// P is rounded to bf16 and kept as fp32 in the place of its scores.
//
// What is read is fetched 8 KiB ahead, a step of 16 lines at a time and on into the next page, which no prefetcher in
// hardware knows. One row, 32 k deep, two threads (Xeon, roof 34.8 GB/s): 17.8 to 19.3 GB/s at head_dim 128, 16.7 as
// before at 64, while one thread has 33 GB/s from L2; a whole block ahead gains nothing.
#include <immintrin.h>

#include "kernels/attention_kernels.h"
#include "kernels/avx512/softmax-inl.h"

namespace lacuna::kernels {
namespace {

constexpr int kTile = 16;  // queries that walk a chunk together

struct Tile {
  alignas(64) float s[kTile * kPageTokens];
  alignas(64) float lanes[kTile * 16];
  alignas(64) float m[kTile], l[kTile], r[kTile];
  const float* q;  // [kTile][depth], rounded to bf16
  float* o;        // [kTile][dims]
  int rows;
};

// K and V of a block, and of the one to read after it.
struct Stream {
  const bf16 *block, *next;  // next: null at the end
  ptrdiff_t elements;
};

// Where the bytes are that follow `at` 8 KiB later, or null.
static inline const bf16* Ahead(const Stream& stream, const bf16* at) {
  const ptrdiff_t to = at - stream.block + 4096;
  if (to < stream.elements) return stream.block + to;
  return stream.next ? stream.next + (to - stream.elements) : 0;
}

// One panel's dots with NQ rows of x, `steps` of 32 k from +0: a pair's chains in ascending order, then sum += e + o.
// ahead: what to fetch meanwhile, or null.
template <int NQ>
static inline __attribute__((always_inline)) void Dots(const float* x, ptrdiff_t stride, const bf16* panel,
                                                       const bf16* ahead, int steps, __m512* sum) {
  const __m512i upper = _mm512_set1_epi32((int)0xffff0000u);
#pragma GCC unroll 8
  for (int i = 0; i < NQ; ++i) sum[i] = _mm512_setzero_ps();
  for (int step = 0; step < steps; ++step, panel += 512, x += 32) {
    if (ahead) {
      for (int i = 0; i < 16; ++i) _mm_prefetch((const char*)(ahead + step * 512 + 32 * i), _MM_HINT_T0);
    }
    __m512 e[NQ], o[NQ];
#pragma GCC unroll 8
    for (int i = 0; i < NQ; ++i) e[i] = o[i] = _mm512_setzero_ps();
#pragma GCC unroll 16
    for (int p = 0; p < 16; ++p) {
      const __m512i pair = _mm512_loadu_si512(panel + 32 * p);
      const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(pair, 16));
      const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(pair, upper));
#pragma GCC unroll 8
      for (int i = 0; i < NQ; ++i) {
        e[i] = _mm512_fmadd_ps(_mm512_set1_ps(x[i * stride + 2 * p]), even, e[i]);
        o[i] = _mm512_fmadd_ps(_mm512_set1_ps(x[i * stride + 2 * p + 1]), odd, o[i]);
      }
    }
#pragma GCC unroll 8
    for (int i = 0; i < NQ; ++i) sum[i] = _mm512_add_ps(sum[i], _mm512_add_ps(e[i], o[i]));
  }
}

template <int NQ>
static void Scores(const float* q, int depth, const bf16* keys, const Stream* stream, float* s) {
  for (int panel = 0; panel < 4; ++panel) {
    __m512 sum[NQ];
    const bf16* k = keys + (ptrdiff_t)panel * 16 * depth;
    Dots<NQ>(q, depth, k, stream ? Ahead(*stream, k) : 0, depth / 32, sum);
#pragma GCC unroll 8
    for (int i = 0; i < NQ; ++i) _mm512_store_ps(s + i * kPageTokens + panel * 16, sum[i]);
  }
}

// o = fma(o, r, dot of p and v); `active`: bit i when query i sees a slot of the block.
template <int NQ>
static void Values(const float* p, const bf16* values, const Stream* stream, int dims, const float* r, uint32_t active,
                   float* o) {
  for (int d = 0; d < dims; d += 16) {
    __m512 sum[NQ];
    const bf16* v = values + (ptrdiff_t)d * kPageTokens;
    Dots<NQ>(p, kPageTokens, v, stream ? Ahead(*stream, v) : 0, 2, sum);
#pragma GCC unroll 8
    for (int i = 0; i < NQ; ++i) {
      float* to = o + (ptrdiff_t)i * dims + d;
      const __m512 old = _mm512_load_ps(to);
      const __mmask16 seen = (__mmask16)(active >> i & 1 ? 0xffff : 0);
      _mm512_mask_store_ps(to, seen, _mm512_fmadd_ps(old, _mm512_set1_ps(r[i]), sum[i]));
    }
  }
}

// p rounded to bf16 and back, p >= 0 (never denormal; NaN may become anything, its l is NaN).
static inline __m512 RoundP(__m512 p) {
  const __m512i u = _mm512_castps_si512(p);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(_mm512_add_epi32(u, odd), _mm512_set1_epi32(0x7fff));
  return _mm512_castsi512_ps(_mm512_and_si512(up, _mm512_set1_epi32((int)0xffff0000u)));
}

static inline const bf16* Keys(const AttentionArgs& args, int64_t block) {
  return (const bf16*)((const char*)args.pages[block] + args.page_offset);
}

// Scores to P, m, l and r. slots: each row's visible slots. Returns the rows that see anything.
uint32_t SoftmaxBlock(Tile* t, float scale, const uint64_t* slots) {
  const __m512 minus_inf = _mm512_set1_ps(-__builtin_inff()), by = _mm512_set1_ps(scale);
  uint32_t active = 0;
  for (int row = 0; row < t->rows; ++row) {
    float* x = t->s + row * kPageTokens;
    __m512 max = minus_inf;
    for (int i = 0; i < 4; ++i) {
      const __m512 s = _mm512_mul_ps(_mm512_load_ps(x + 16 * i), by);
      _mm512_store_ps(x + 16 * i, s);
      max = _mm512_mask_max_ps(max, (__mmask16)(slots[row] >> 16 * i), s, max);
    }
    _mm512_store_ps(t->lanes + row * 16, max);
    active |= (uint32_t)(slots[row] != 0) << row;
  }
  const __m512 m = _mm512_load_ps(t->m);
  const __m512 max = _mm512_mask_max_ps(m, (__mmask16)active, RowMaxima(t->lanes), m);
  const __m512 r = ExpNonPositiveAvx512(_mm512_sub_ps(m, max));
  _mm512_store_ps(t->m, max);
  _mm512_store_ps(t->r, r);
  for (int row = 0; row < t->rows; ++row) {
    float* x = t->s + row * kPageTokens;
    const __m512 top = _mm512_set1_ps(t->m[row]);
    __m512 sum = _mm512_setzero_ps();
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m512 e = ExpNonPositiveAvx512(_mm512_sub_ps(_mm512_load_ps(x + 16 * i), top));
      const __m512 p = _mm512_maskz_mov_ps((__mmask16)(slots[row] >> 16 * i), e);
      sum = _mm512_add_ps(sum, p);
      _mm512_store_ps(x + 16 * i, RoundP(p));
    }
    _mm512_store_ps(t->lanes + row * 16, sum);
  }
  const __m512 l = _mm512_fmadd_ps(_mm512_load_ps(t->l), r, RowSums(t->lanes));
  _mm512_mask_store_ps(t->l, (__mmask16)active, l);
  return active;
}

// stream: null, or what the first queries fetch.
void WalkBlock(Tile* t, const AttentionArgs& args, const bf16* keys, const Stream* stream, int64_t base,
               const int64_t* positions) {
  const int depth = RoundUp(args.head_dim, 32), dims = RoundUp(args.head_dim, 16);
  uint64_t slots[kTile];
  for (int i = 0; i < t->rows; ++i) slots[i] = VisibleSlots(base, positions[i], args.window);
  for (int i = 0; i < t->rows; i += 8) {
    const float* q = t->q + (ptrdiff_t)i * depth;
    float* s = t->s + i * kPageTokens;
    if (t->rows - i > 4) {
      Scores<8>(q, depth, keys, i == 0 ? stream : 0, s);
    } else if (t->rows - i > 2) {
      Scores<4>(q, depth, keys, i == 0 ? stream : 0, s);
    } else if (t->rows - i == 2) {
      Scores<2>(q, depth, keys, i == 0 ? stream : 0, s);
    } else {
      Scores<1>(q, depth, keys, i == 0 ? stream : 0, s);
    }
  }
  const uint32_t active = SoftmaxBlock(t, args.scale, slots);
  const bf16* values = keys + (ptrdiff_t)kPageTokens * depth;
  for (int i = 0; i < t->rows; i += 8) {
    const float* p = t->s + i * kPageTokens;
    float* o = t->o + (ptrdiff_t)i * dims;
    if (t->rows - i > 4) {
      Values<8>(p, values, i == 0 ? stream : 0, dims, t->r + i, active >> i, o);
    } else if (t->rows - i > 2) {
      Values<4>(p, values, i == 0 ? stream : 0, dims, t->r + i, active >> i, o);
    } else if (t->rows - i == 2) {
      Values<2>(p, values, i == 0 ? stream : 0, dims, t->r + i, active >> i, o);
    } else {
      Values<1>(p, values, i == 0 ? stream : 0, dims, t->r + i, active >> i, o);
    }
  }
}

}  // namespace

void Avx512AttentionBf16(const AttentionArgs& args) {
  const int head_dim = args.head_dim, depth = RoundUp(head_dim, 32), dims = RoundUp(head_dim, 16);
  const int queries = args.heads * args.rows;
  const int tiles = (queries + kTile - 1) / kTile;
  float* total_o = (float*)args.scratch;  // [queries][dims]
  float* chunk_o = total_o + (ptrdiff_t)tiles * kTile * dims;
  float* q = chunk_o + (ptrdiff_t)kTile * dims;  // [kTile][depth] of the tile that walks
  alignas(64) float total_m[kMaxQueries], total_l[kMaxQueries];
  int64_t positions[kMaxQueries];
  Tile t;
  __builtin_memset(t.lanes, 0, sizeof(t.lanes));
  __builtin_memset(t.s, 0, sizeof(t.s));
  __builtin_memset(total_o, 0, sizeof(float) * (size_t)tiles * kTile * dims);
  for (int i = 0; i < queries; ++i) {
    positions[i] = args.position + i / args.heads;
    total_m[i] = -__builtin_inff();
    total_l[i] = 0.0f;
  }
  const int64_t last = args.position + args.rows - 1;
  const int64_t first = args.window > 0 && args.position >= args.window ? args.position - args.window + 1 : 0;
  const int64_t chunk_begin = args.partial ? args.chunk_begin : first / kChunkTokens;
  const int64_t chunk_end = args.partial ? args.chunk_end : last / kChunkTokens + 1;
  for (int64_t chunk = chunk_begin; chunk < chunk_end; ++chunk) {
    for (int tile = 0; tile < tiles; ++tile) {
      const int first_query = tile * kTile;
      t.rows = queries - first_query < kTile ? queries - first_query : kTile;
      t.q = q;
      t.o = chunk_o;
      // Rounded again for each chunk: 16 rows cost less than a second buffer of all queries in fp32.
      for (int i = 0; i < kTile; ++i) {
        const int query = first_query + i;
        const float* x = args.q + (query / args.heads) * args.q_row_stride + (query % args.heads) * args.q_stride;
        for (int d = 0; d < depth; d += 16) {
          const int left = i < t.rows ? head_dim - d : 0;
          const __m512 v = left > 0 ? _mm512_maskz_loadu_ps(FirstLanes(left), x + d) : _mm512_setzero_ps();
          const __m512i wide = _mm512_slli_epi32(_mm512_cvtepu16_epi32(ToBf16Avx512(v)), 16);
          _mm512_store_si512(q + (ptrdiff_t)i * depth + d, wide);
        }
      }
      _mm512_store_ps(t.m, _mm512_set1_ps(-__builtin_inff()));
      _mm512_store_ps(t.l, _mm512_setzero_ps());
      __builtin_memset(chunk_o, 0, sizeof(float) * (size_t)kTile * dims);
      const int64_t* at = positions + first_query;
      const int64_t low = args.window > 0 && at[0] >= args.window ? at[0] - args.window + 1 : 0;
      int64_t block = low / kPageTokens > chunk * 8 ? low / kPageTokens : chunk * 8;
      for (; block < chunk * 8 + 8 && block <= at[t.rows - 1] / kPageTokens; ++block) {
        const bool more = block < last / kPageTokens && block + 1 < chunk_end * 8;
        const Stream stream = {Keys(args, block), more ? Keys(args, block + 1) : 0,
                               KeyElements(head_dim) + ValueElements(head_dim)};
        WalkBlock(&t, args, stream.block, tile == 0 ? &stream : 0, block * kPageTokens, at);
      }
      for (int i = 0; i < t.rows; ++i) {
        const int query = first_query + i;
        const float* o = chunk_o + (ptrdiff_t)i * dims;
        if (args.partial) {
          float* to = args.partial + (chunk - chunk_begin) * args.partial_stride + query * PartialFloats(head_dim);
          to[0] = t.m[i];
          to[1] = t.l[i];
          __builtin_memcpy(to + 16, o, sizeof(float) * (size_t)dims);
        } else if (t.l[i] != 0.0f) {
          MergeChunkAvx512(t.m[i], t.l[i], o, dims, total_m + query, total_l + query,
                           total_o + (ptrdiff_t)query * dims);
        }
      }
    }
  }
  if (args.partial) return;
  for (int i = 0; i < queries; ++i) {
    float* out = args.out + (i / args.heads) * args.out_row_stride + (i % args.heads) * args.out_stride;
    FinishQueryAvx512(total_o + (ptrdiff_t)i * dims, total_l[i], head_dim, out);
  }
}

void Avx512AttentionMerge(const float* partial, ptrdiff_t chunk_stride, int64_t chunks, int head_dim, float* out) {
  const int dims = RoundUp(head_dim, 16);
  alignas(64) float o[512];
  __builtin_memset(o, 0, sizeof(float) * (size_t)dims);
  float m = -__builtin_inff(), l = 0.0f;
  for (int64_t c = 0; c < chunks; ++c, partial += chunk_stride) {
    if (partial[1] != 0.0f) MergeChunkAvx512(partial[0], partial[1], partial + 16, dims, &m, &l, o);
  }
  FinishQueryAvx512(o, l, head_dim, out);
}

}  // namespace lacuna::kernels
