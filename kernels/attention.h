// Arguments of the attention kernels and the layout of a KV page.
//
// A page holds 64 tokens of one KV stream, all KV heads. bf16 pages are ready for tiles; per KV head:
//   K: 4 panels of 16 tokens, each a packed bf16 weight panel (kernels/linear.h) with N = tokens, K = head_dim padded
//      to 32: element (token t, dim d) at panel t / 16, row d / 2, column t % 16, half d % 2.
//   V: panels of 16 channels, each with K = 64 tokens: element (token t, dim d) at panel d / 16, row t / 2, column
//      d % 16, half t % 2; head_dim padded to 16.
// f32 pages (f32 mode): per KV head K as [64][head_dim], then V as [64][head_dim].
// Slots that hold no token, and the padding of K, are finite: they meet a zero in the dot. Padding of V is never used.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/bf16.h"

namespace lacuna::kernels {

enum { kPageTokens = 64, kChunkTokens = 512 };

static inline int RoundUp(int x, int multiple) { return (x + multiple - 1) / multiple * multiple; }

// Elements of K and of V of one KV head in a bf16 page.
static inline ptrdiff_t KeyElements(int head_dim) { return (ptrdiff_t)kPageTokens * RoundUp(head_dim, 32); }
static inline ptrdiff_t ValueElements(int head_dim) { return (ptrdiff_t)kPageTokens * RoundUp(head_dim, 16); }
// Element offset of (token, dim) inside a head's K or V.
static inline ptrdiff_t KeyOffset(int token, int dim, int head_dim) {
  return (ptrdiff_t)(token / 16) * 16 * RoundUp(head_dim, 32) + (dim / 2) * 32 + (token % 16) * 2 + dim % 2;
}
static inline ptrdiff_t ValueOffset(int token, int dim) {
  return (ptrdiff_t)(dim / 16) * 16 * kPageTokens + (token / 2) * 32 + (dim % 16) * 2 + token % 2;
}

// A chunk's result before chunks are merged, of one query: m, l, 14 unused floats, o[head_dim rounded up to 16].
// l = 0: no token of the chunk is visible.
static inline ptrdiff_t PartialFloats(int head_dim) { return 16 + RoundUp(head_dim, 16); }

enum { kMaxQueries = 256 };  // heads x rows of one call

// Bytes of AttentionArgs::scratch: rounded queries, a total and a chunk's o of every query.
static inline ptrdiff_t AttentionScratchBytes(int head_dim) {
  return (ptrdiff_t)kMaxQueries * (RoundUp(head_dim, 32) * 2 + 2 * PartialFloats(head_dim) * 4) + 65536;
}

// One KV head's group of query heads, in `rows` rows of a pass: consecutive positions of one lane, so that all queries
// share pages. Query i is head i % heads of row i / heads.
struct AttentionArgs {
  const void* const* pages;  // pages[b] holds positions 64 b ..; only blocks that hold a visible position are read
  ptrdiff_t page_offset;     // bytes from a page's start to this KV head's K; its V follows its K directly
  const float* q;            // [heads][head_dim] after rope, fp32; rounded to bf16 where it enters the dot
  ptrdiff_t q_stride;        // between heads
  float* out;                // [heads][head_dim]
  ptrdiff_t out_stride;
  int heads;
  int head_dim;
  float scale;       // > 0
  int64_t position;  // of row 0; a row at position r sees positions p with r - window < p <= r
  int64_t window;    // 0: all

  int rows = 1;
  ptrdiff_t q_row_stride = 0;  // between rows
  ptrdiff_t out_row_stride = 0;
  void* scratch = nullptr;  // AttentionScratchBytes, aligned to 64; the reference needs none
  // Where one history is split: instead of `out`, chunk c of [chunk_begin, chunk_end) writes its partial results to
  // partial[(c - chunk_begin) * partial_stride + query * PartialFloats].
  float* partial = nullptr;
  ptrdiff_t partial_stride = 0;
  int64_t chunk_begin = 0;
  int64_t chunk_end = 0;
};

}  // namespace lacuna::kernels
