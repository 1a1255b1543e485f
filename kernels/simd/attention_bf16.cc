// Attention over bf16 pages in AVX2 + FMA: the fallback. Two queries at a time against a panel, each with an even and
// an odd chain in two halves of 8 channels; a page is read once for all queries of a call. P is rounded to bf16 and
// kept as fp32 in the place of its scores.
#include <immintrin.h>

#include "kernels/attention_kernels.h"
#include "kernels/ref/ref.h"
#include "kernels/simd/math-inl.h"

namespace lacuna::kernels {
namespace {

constexpr int kTile = 16;  // queries that walk a chunk together

struct Query {
  alignas(32) float s[kPageTokens];
  float m, l, r;
  int begin, end;  // visible slots of the block
};

// One panel's dots with two rows of x, `steps` of 32 k from +0.
inline void Dots(const float* x0, const float* x1, const bf16* panel, int steps, __m256 sum[4]) {
  const __m256i upper = _mm256_set1_epi32((int)0xffff0000u);
  for (int i = 0; i < 4; ++i) sum[i] = _mm256_setzero_ps();
  for (int step = 0; step < steps; ++step, panel += 512, x0 += 32, x1 += 32) {
    __m256 e0 = _mm256_setzero_ps(), e1 = e0, e2 = e0, e3 = e0, o0 = e0, o1 = e0, o2 = e0, o3 = e0;
#pragma GCC unroll 4
    for (int p = 0; p < 16; ++p) {
      const __m256i low = _mm256_loadu_si256((const __m256i*)(panel + 32 * p));
      const __m256i high = _mm256_loadu_si256((const __m256i*)(panel + 32 * p + 16));
      __m256 a = _mm256_castsi256_ps(_mm256_slli_epi32(low, 16)), b = _mm256_castsi256_ps(_mm256_slli_epi32(high, 16));
      __m256 first = _mm256_broadcast_ss(x0 + 2 * p), second = _mm256_broadcast_ss(x1 + 2 * p);
      e0 = _mm256_fmadd_ps(first, a, e0);
      e1 = _mm256_fmadd_ps(first, b, e1);
      e2 = _mm256_fmadd_ps(second, a, e2);
      e3 = _mm256_fmadd_ps(second, b, e3);
      a = _mm256_castsi256_ps(_mm256_and_si256(low, upper));
      b = _mm256_castsi256_ps(_mm256_and_si256(high, upper));
      first = _mm256_broadcast_ss(x0 + 2 * p + 1);
      second = _mm256_broadcast_ss(x1 + 2 * p + 1);
      o0 = _mm256_fmadd_ps(first, a, o0);
      o1 = _mm256_fmadd_ps(first, b, o1);
      o2 = _mm256_fmadd_ps(second, a, o2);
      o3 = _mm256_fmadd_ps(second, b, o3);
    }
    sum[0] = _mm256_add_ps(sum[0], _mm256_add_ps(e0, o0));
    sum[1] = _mm256_add_ps(sum[1], _mm256_add_ps(e1, o1));
    sum[2] = _mm256_add_ps(sum[2], _mm256_add_ps(e2, o2));
    sum[3] = _mm256_add_ps(sum[3], _mm256_add_ps(e3, o3));
  }
}

// Scores to P, m, l and r of a query that sees a slot of the block.
void Softmax(Query* q, float scale) {
  const __m256 by = _mm256_set1_ps(scale);
  alignas(32) float maxima[8];
  __m256 max = _mm256_set1_ps(q->m);
  for (int i = 0; i < kPageTokens; i += 8) {
    const __m256 s = _mm256_mul_ps(_mm256_load_ps(q->s + i), by);
    const __m256i below = FirstLanes8(q->begin - i), held = _mm256_andnot_si256(below, FirstLanes8(q->end - i));
    const __m256 masked = _mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), s, _mm256_castsi256_ps(held));
    _mm256_store_ps(q->s + i, masked);
    max = _mm256_max_ps(masked, max);
  }
  _mm256_store_ps(maxima, max);
  float top = maxima[0];
  for (int i = 1; i < 8; ++i) top = maxima[i] > top ? maxima[i] : top;
  q->r = _mm256_cvtss_f32(ExpAvx2(_mm256_set1_ps(q->m - top)));
  q->m = top;
  __m256 low = _mm256_setzero_ps(), high = low;
  for (int i = 0; i < kPageTokens; i += 8) {
    const __m256 p = ExpAvx2(_mm256_sub_ps(_mm256_load_ps(q->s + i), _mm256_set1_ps(top)));
    if (i % 16 == 0) {
      low = _mm256_add_ps(low, p);
    } else {
      high = _mm256_add_ps(high, p);
    }
    _mm256_store_ps(q->s + i, _mm256_castsi256_ps(_mm256_slli_epi32(ToBf16Avx2(p), 16)));
  }
  q->l = __builtin_fmaf(q->l, q->r, AddLanesAvx2(low, high));
}

void AddValues(const Query& q, const __m256* dot, float* o) {
  const __m256 r = _mm256_set1_ps(q.r);
  _mm256_store_ps(o, _mm256_fmadd_ps(_mm256_load_ps(o), r, dot[0]));
  _mm256_store_ps(o + 8, _mm256_fmadd_ps(_mm256_load_ps(o + 8), r, dot[1]));
}

bool Visible(const Query& q) { return q.begin < q.end; }

// One block for up to 16 queries; o: [kTile][dims].
void WalkBlock(Query* tile, int rows, const float* q, const bf16* keys, int depth, int dims, float scale, float* o) {
  __m256 sum[4];
  for (int panel = 0; panel < 4; ++panel) {
    const bf16* k = keys + (ptrdiff_t)panel * 16 * depth;
    for (int i = 0; i < rows; i += 2) {
      const int second = i + 1 < rows ? i + 1 : i;
      Dots(q + (ptrdiff_t)i * depth, q + (ptrdiff_t)second * depth, k, depth / 32, sum);
      _mm256_store_ps(tile[i].s + panel * 16, sum[0]);
      _mm256_store_ps(tile[i].s + panel * 16 + 8, sum[1]);
      _mm256_store_ps(tile[second].s + panel * 16, sum[2]);
      _mm256_store_ps(tile[second].s + panel * 16 + 8, sum[3]);
    }
  }
  for (int i = 0; i < rows; ++i) {
    if (Visible(tile[i])) Softmax(&tile[i], scale);
  }
  for (int d = 0; d < dims; d += 16) {
    const bf16* v = keys + (ptrdiff_t)kPageTokens * depth + (ptrdiff_t)d * kPageTokens;
    for (int i = 0; i < rows; i += 2) {
      const int second = i + 1 < rows ? i + 1 : i;
      Dots(tile[i].s, tile[second].s, v, 2, sum);
      if (Visible(tile[i])) AddValues(tile[i], sum, o + (ptrdiff_t)i * dims + d);
      if (second != i && Visible(tile[second])) AddValues(tile[second], sum + 2, o + (ptrdiff_t)second * dims + d);
    }
  }
}

void Merge(const Query& q, const float* o, int dims, float* total_m, float* total_l, float* total_o) {
  const float max = q.m > *total_m ? q.m : *total_m;
  const float r = _mm256_cvtss_f32(ExpAvx2(_mm256_set1_ps(*total_m - max)));
  const float c = _mm256_cvtss_f32(ExpAvx2(_mm256_set1_ps(q.m - max)));
  *total_m = max;
  *total_l = __builtin_fmaf(*total_l, r, q.l * c);
  for (int d = 0; d < dims; ++d) total_o[d] = __builtin_fmaf(total_o[d], r, o[d] * c);
}

}  // namespace

void SimdAttentionBf16(const AttentionArgs& args) {
  const int head_dim = args.head_dim, depth = RoundUp(head_dim, 32), dims = RoundUp(head_dim, 16);
  const int queries = args.heads * args.rows;
  const int tiles = (queries + kTile - 1) / kTile;
  float* total_o = (float*)args.scratch;  // [queries][dims]
  float* chunk_o = total_o + (ptrdiff_t)tiles * kTile * dims;
  float* q = chunk_o + (ptrdiff_t)kTile * dims;  // [kTile][depth] of the tile that walks
  float total_m[kMaxQueries], total_l[kMaxQueries];
  Query tile[kTile];
  alignas(32) bf16 rounded[512];
  __builtin_memset(total_o, 0, sizeof(float) * (size_t)tiles * kTile * dims);
  for (int i = 0; i < queries; ++i) {
    total_m[i] = -__builtin_inff();
    total_l[i] = 0.0f;
  }
  const auto first_visible = [&](int64_t position) {
    return args.window > 0 && position >= args.window ? position - args.window + 1 : 0;
  };
  const int64_t last = args.position + args.rows - 1;
  const int64_t chunk_begin = args.partial ? args.chunk_begin : first_visible(args.position) / kChunkTokens;
  const int64_t chunk_end = args.partial ? args.chunk_end : last / kChunkTokens + 1;
  for (int64_t chunk = chunk_begin; chunk < chunk_end; ++chunk) {
    for (int first = 0; first < queries; first += kTile) {
      const int rows = queries - first < kTile ? queries - first : kTile;
      for (int i = 0; i < rows; ++i) {
        const int query = first + i;
        RefToBf16(args.q + (query / args.heads) * args.q_row_stride + (query % args.heads) * args.q_stride, head_dim,
                  depth, rounded);
        for (int d = 0; d < depth; ++d) q[(ptrdiff_t)i * depth + d] = ToFloat(rounded[d]);
        tile[i].m = -__builtin_inff();
        tile[i].l = 0.0f;
      }
      __builtin_memset(chunk_o, 0, sizeof(float) * (size_t)kTile * dims);
      const int64_t low = first_visible(args.position + first / args.heads);
      const int64_t high = args.position + (first + rows - 1) / args.heads;
      int64_t block = low / kPageTokens > chunk * 8 ? low / kPageTokens : chunk * 8;
      for (; block < chunk * 8 + 8 && block <= high / kPageTokens; ++block) {
        const int64_t base = block * kPageTokens;
        for (int i = 0; i < rows; ++i) {
          const int64_t position = args.position + (first + i) / args.heads, begin = first_visible(position) - base;
          tile[i].begin = begin <= 0 ? 0 : begin < 64 ? (int)begin : 64;
          tile[i].end = position < base ? 0 : position - base < 63 ? (int)(position - base + 1) : 64;
        }
        const bf16* keys = (const bf16*)((const char*)args.pages[block] + args.page_offset);
        WalkBlock(tile, rows, q, keys, depth, dims, args.scale, chunk_o);
      }
      for (int i = 0; i < rows; ++i) {
        const int query = first + i;
        const float* o = chunk_o + (ptrdiff_t)i * dims;
        if (args.partial) {
          float* to = args.partial + (chunk - chunk_begin) * args.partial_stride + query * PartialFloats(head_dim);
          to[0] = tile[i].m;
          to[1] = tile[i].l;
          __builtin_memcpy(to + 16, o, sizeof(float) * (size_t)dims);
        } else if (tile[i].l != 0.0f) {
          Merge(tile[i], o, dims, total_m + query, total_l + query, total_o + (ptrdiff_t)query * dims);
        }
      }
    }
  }
  if (args.partial) return;
  for (int i = 0; i < queries; ++i) {
    float* out = args.out + (i / args.heads) * args.out_row_stride + (i % args.heads) * args.out_stride;
    for (int d = 0; d < head_dim; ++d) out[d] = total_o[(ptrdiff_t)i * dims + d] / total_l[i];
  }
}

}  // namespace lacuna::kernels
