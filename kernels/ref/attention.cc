// Attention of one row's query heads over one KV head's pages (layouts in kernels/attention.h).
//
// bf16 pages, per query head, blocks of 64 inside chunks of 512, both cut at absolute positions:
//   s = (bf16 dot of bf16(q) and k over head_dim) * scale; masked slots are -inf
//   m' = max(m, max s), r = exp(m - m'), p = exp(s - m')
//   l = fma(l, r, sum of p over 64 slots), o = fma(o, r, bf16 dot of bf16(p) and v over 64 slots)
// A chunk starts from m = -inf, l = 0, o = 0; chunks merge in ascending order into a total that starts the same way:
//   m' = max(M, m), r = exp(M - m'), c = exp(m - m'), L = fma(L, r, l * c), O = fma(O, r, o * c);  y = O / L
// Decided here: a chunk without a visible block is not merged; p is indexed by slot, a masked slot's p is +0 in the
// sum and in the dot; the order of max is free, since a NaN score makes p, l and every output NaN whichever way max
// treats it, as do scores that are all -inf or reach +inf.
#include "kernels/attention.h"

#include <stdint.h>

#include "kernels/ref/dot-inl.h"
#include "kernels/ref/exp-inl.h"
#include "kernels/ref/ref.h"

namespace lacuna::kernels {
namespace {

enum { kMaxHeadDim = 512 };

inline int64_t FirstVisible(const AttentionArgs& args, int64_t position) {
  return args.window > 0 && position >= args.window ? position - args.window + 1 : 0;
}

inline const char* Page(const AttentionArgs& args, int64_t block) {
  return (const char*)args.pages[block] + args.page_offset;
}

// Running softmax: the maximum, the denominator and the numerator of each dimension.
struct Softmax {
  float m, l;
  alignas(64) float o[kMaxHeadDim];
};

void Reset(Softmax* state, int dims) {
  state->m = -__builtin_inff();
  state->l = 0.0f;
  for (int d = 0; d < dims; ++d) state->o[d] = 0.0f;
}

// Scores of one block: slots outside [begin, end) are masked.
void BlockScores(const bf16* q, const bf16* keys, int depth, float scale, int begin, int end, float* s) {
  for (int panel = 0; panel < kPageTokens / 16; ++panel) {
    PanelDot(q, keys + (ptrdiff_t)panel * 16 * depth, depth / 32, s + panel * 16);
  }
  for (int t = 0; t < kPageTokens; ++t) s[t] = t >= begin && t < end ? s[t] * scale : -__builtin_inff();
}

// Takes one block into the chunk; s becomes p.
void AddBlock(float* s, const bf16* values, int panels, Softmax* chunk) {
  float max = chunk->m;
  for (int t = 0; t < kPageTokens; ++t) max = s[t] > max ? s[t] : max;
  const float r = ExpInline(chunk->m - max);
  alignas(64) bf16 p[kPageTokens];
  for (int t = 0; t < kPageTokens; ++t) s[t] = ExpInline(s[t] - max);
  for (int t = 0; t < kPageTokens; ++t) p[t] = ToBf16(s[t]);
  chunk->m = max;
  chunk->l = __builtin_fmaf(chunk->l, r, RefSum(s, kPageTokens));
  for (int panel = 0; panel < panels; ++panel) {
    alignas(64) float dot[16];
    PanelDot(p, values + (ptrdiff_t)panel * 16 * kPageTokens, kPageTokens / 32, dot);
    float* o = chunk->o + panel * 16;
    for (int c = 0; c < 16; ++c) o[c] = __builtin_fmaf(o[c], r, dot[c]);
  }
}

void MergeChunk(const Softmax& chunk, int dims, Softmax* total) {
  const float max = chunk.m > total->m ? chunk.m : total->m;
  const float r = ExpInline(total->m - max);
  const float c = ExpInline(chunk.m - max);
  total->m = max;
  total->l = __builtin_fmaf(total->l, r, chunk.l * c);
  for (int d = 0; d < dims; ++d) total->o[d] = __builtin_fmaf(total->o[d], r, chunk.o[d] * c);
}

}  // namespace

void RefAttentionBf16(const AttentionArgs& args) {
  const int head_dim = args.head_dim;
  const int depth = RoundUp(head_dim, 32);
  const int dims = RoundUp(head_dim, 16);
  alignas(64) bf16 q[kMaxHeadDim];
  alignas(64) float s[kPageTokens];
  Softmax chunk, total;
  for (int query = 0; query < args.rows * args.heads; ++query) {
    const int row = query / args.heads, head = query % args.heads;
    const int64_t position = args.position + row;
    const int64_t first = FirstVisible(args, position);
    RefToBf16(args.q + row * args.q_row_stride + head * args.q_stride, head_dim, depth, q);
    Reset(&total, dims);
    const int64_t chunks = position / kChunkTokens + 1;
    for (int64_t c = args.partial ? args.chunk_begin : 0; c < (args.partial ? args.chunk_end : chunks); ++c) {
      Reset(&chunk, dims);
      for (int64_t base = c * kChunkTokens; base < (c + 1) * kChunkTokens && base <= position; base += kPageTokens) {
        if (base + kPageTokens <= first) continue;
        const bf16* keys = (const bf16*)Page(args, base / kPageTokens);
        const int begin = first > base ? (int)(first - base) : 0;
        const int end = position - base + 1 < kPageTokens ? (int)(position - base + 1) : kPageTokens;
        BlockScores(q, keys, depth, args.scale, begin, end, s);
        AddBlock(s, keys + KeyElements(head_dim), dims / 16, &chunk);
      }
      if (args.partial) {
        float* partial = args.partial + (c - args.chunk_begin) * args.partial_stride + query * PartialFloats(head_dim);
        partial[0] = chunk.m;
        partial[1] = chunk.l;
        for (int d = 0; d < dims; ++d) partial[16 + d] = chunk.o[d];
      } else if (chunk.l != 0.0f) {
        MergeChunk(chunk, dims, &total);
      }
    }
    if (args.partial) continue;
    float* out = args.out + row * args.out_row_stride + head * args.out_stride;
    for (int d = 0; d < head_dim; ++d) out[d] = total.o[d] / total.l;
  }
}

void RefAttentionMerge(const float* partial, ptrdiff_t chunk_stride, int64_t chunks, int head_dim, float* out) {
  const int dims = RoundUp(head_dim, 16);
  Softmax chunk, total;
  Reset(&total, dims);
  for (int64_t c = 0; c < chunks; ++c, partial += chunk_stride) {
    if (partial[1] == 0.0f) continue;
    chunk.m = partial[0];
    chunk.l = partial[1];
    for (int d = 0; d < dims; ++d) chunk.o[d] = partial[16 + d];
    MergeChunk(chunk, dims, &total);
  }
  for (int d = 0; d < head_dim; ++d) out[d] = total.o[d] / total.l;
}

// Sums follow the rule of sums over the visible positions, the first of them in lane 0.
void RefAttentionF32(const AttentionArgs& args, float* scores) {
  const int head_dim = args.head_dim;
  float o[kMaxHeadDim];
  for (int query = 0; query < args.rows * args.heads; ++query) {
    const int row = query / args.heads, head = query % args.heads;
    const int64_t last = args.position + row;
    const int64_t first = FirstVisible(args, last);
    const int64_t count = last + 1 - first;
    const float* q = args.q + row * args.q_row_stride + head * args.q_stride;
    float* s = scores;
    float max = -__builtin_inff();
    for (int64_t i = 0; i < count; ++i) {
      const int64_t position = first + i;
      const float* k = (const float*)Page(args, position / kPageTokens) + (position % kPageTokens) * head_dim;
      float dot = 0.0f;
      for (int d = 0; d < head_dim; ++d) dot = __builtin_fmaf(q[d], k[d], dot);
      s[i] = dot * args.scale;
      max = s[i] > max ? s[i] : max;
    }
    for (int64_t i = 0; i < count; ++i) s[i] = ExpInline(s[i] - max);
    const float l = RefSum(s, count);
    for (int d = 0; d < head_dim; ++d) o[d] = 0.0f;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t position = first + i;
      const float* v =
          (const float*)Page(args, position / kPageTokens) + (kPageTokens + position % kPageTokens) * head_dim;
      for (int d = 0; d < head_dim; ++d) o[d] = __builtin_fmaf(s[i], v[d], o[d]);
    }
    float* out = args.out + row * args.out_row_stride + head * args.out_stride;
    for (int d = 0; d < head_dim; ++d) out[d] = o[d] / l;
  }
}

}  // namespace lacuna::kernels
