// The order in which the kernels for many rows walk over packed weights: chunks of K, two panels at a time.
//
//   x fits L2      for panels: for chunks: for rows                 weights are read from memory in order
//   x does not     for parts: for chunks: for panels: for rows      a chunk of x and y of a part of the panels stay in
//   L2
//
// For kernel files only.
#pragma once

#include "kernels/amx/packed-inl.h"

namespace lacuna::kernels {
namespace {

// More rows at once would cost more L2 than a second walk over the weights costs.
constexpr int kBytesOfXInL2 = 768 * 1024, kBytesOfYInL2 = 1024 * 1024, kGroupRows = 544;
constexpr int kMostK = 1024;  // of a chunk
constexpr int kRowsOfShortChunks = 64;

LACUNA_INLINE int Most(int a, int b) { return a > b ? a : b; }

// A chunk of two panels for a group of rows, and the part of the panels that it belongs to.
struct Work {
  int row, row_end, part, part_end, panel, k, k_end;
};

struct BlockWalk {
  const LinearPackedArgs& a;
  int chunk;
  bool chunks_first;

  LACUNA_INLINE BlockWalk(const LinearPackedArgs& args, int value_bytes) : a(args), chunk(0) {
    chunks_first = (ptrdiff_t)Least(a.m, kGroupRows) * a.w->k_padded * value_bytes > kBytesOfXInL2;
  }

  // The panels whose y stays in L2 beside a chunk of x.
  LACUNA_INLINE Work Part(int row, int panel) const {
    const int row_end = Least(a.m, row + kGroupRows), rows = row_end - row;
    const int panels = chunks_first ? Most(16, kBytesOfYInL2 / 64 / Most(rows, 1) & ~1) : a.panel_end;
    return {row, row_end, panel, Least(a.panel_end, panel + panels), panel, a.k_begin, ChunkEnd(a.k_begin)};
  }
  LACUNA_INLINE int ChunkEnd(int k) const { return Least(a.k_end, (k / chunk + 1) * chunk); }
  LACUNA_INLINE Work After(Work w) const {
    const bool more_k = w.k_end < a.k_end, more_panels = w.panel + 2 < w.part_end;
    if (!more_k && !more_panels) {
      return w.part_end < a.panel_end ? Part(w.row, w.part_end) : Part(w.row_end, a.panel_begin);
    }
    if (chunks_first ? !more_panels : more_k) {
      w.k = w.k_end;
      if (chunks_first) w.panel = w.part;
    } else {
      w.panel += 2;
      if (!chunks_first) w.k = a.k_begin;
    }
    w.k_end = ChunkEnd(w.k);
    return w;
  }
};

}  // namespace
}  // namespace lacuna::kernels
