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

// One KV head's group of queries against one row's history: `rows` query heads (the GQA group of one row of a pass)
// share position, window and pages.
struct AttentionArgs {
  const void* const* pages;  // pages[b] holds positions 64 b ..; only blocks that hold a visible position are read
  ptrdiff_t page_offset;     // bytes from a page's start to this KV head's K; its V follows its K directly
  const float* q;            // [rows][head_dim] after rope, fp32; rounded to bf16 where it enters the dot
  ptrdiff_t q_stride;
  float* out;  // [rows][head_dim]
  ptrdiff_t out_stride;
  int rows;
  int head_dim;
  float scale;
  int64_t position;  // sees positions p with position - window < p <= position
  int64_t window;    // 0: all
};

}  // namespace lacuna::kernels
