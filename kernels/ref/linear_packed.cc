// y = x * w^T over packed weights of any codec (kernels/packed.h), as the numeric contract has it. Per period of K:
//   int8 activations   a = sum of q * u, exact; t = a - z * sum(q); y = fma(float(t), fl(sx * sw), y)
//   bf16 activations   p = bf16 dot from 0;                         y = fma(p, sw, y)         (bf16 weights: no groups)
// Where code * scale is exact in bf16 (`product`) the weight is that, without groups. Each segment starts at +0;
// segments are added ascending. A tile is expanded once for a block of rows.
#include <stddef.h>
#include <stdint.h>

#include "kernels/ref/dot-inl.h"
#include "kernels/ref/packed-inl.h"
#include "kernels/ref/ref.h"

namespace lacuna::kernels {
namespace {

enum { kRowBlock = 32 };

inline int Least(int a, int b) { return a < b ? a : b; }

// u (z where a weight is not stored), [k of the tile][channel].
struct IntegerTile {
  alignas(64) int16_t u[64][16];
};

void ExpandIntegers(const PackedPanels* w, int panel, int tile, IntegerTile* to) {
  ExpandedTile expanded;
  ExpandTile(w, panel, tile, &expanded);
  for (int row = 0; row < 16; ++row) {
    for (int j = 0; j < 64; ++j) {
      const int channel = j / 4, k = 4 * row + j % 4, stored = expanded.stored[row][j];
      const int u = stored < 0                        ? ZeroPoint(w, panel, channel, tile * 64 + k)
                    : w->type == PackedValues::kCode4 ? w->codebook[stored]
                                                      : stored;
      to->u[k][channel] = (int16_t)u;
    }
  }
}

// a[channel] += q * u over k = begin .. end of the tile.
void IntegerDot(const int8_t* __restrict q, const IntegerTile* __restrict tile, int begin, int end,
                int32_t* __restrict a) {
  for (int k = begin; k < end; ++k) {
    const int x = q[k];
    for (int c = 0; c < 16; ++c) a[c] += x * tile->u[k][c];
  }
}

// The weights of k = 32 step .. 32 step + 31, unscaled or products, as the bf16 dot takes them.
void WidenStep(const PackedPanels* w, int panel, const ExpandedTile* expanded, int tile, int step, WideTile* to) {
  const int tile_k = PackedTileK(w->type), pair_k = PairK(w), first = step * 32 - tile * tile_k;
  for (int c = 0; c < 16; ++c) {
    const int zero_point = ZeroPoint(w, panel, c, step * 32);
    for (int k = 0; k < 32; ++k) {
      const int stored = expanded->stored[(first + k) / pair_k][c * pair_k + (first + k) % pair_k];
      float value = stored < 0 ? 0.0f : UnscaledWeight(w, (uint16_t)stored, zero_point);
      if (w->product) value = value * WeightScale(w, panel, c, step * 32 + k);
      (k % 2 == 0 ? to->even : to->odd)[k / 2][c] = value;
    }
  }
}

// Calls period(k0, k1) for the periods of [k_begin, k_end), and segment() after the last one of each segment.
template <class Period, class Segment>
inline void ForPeriods(const LinearPackedArgs& a, int period_k, Period period, Segment segment_end) {
  const int segment = PackedSegment(a.w);
  for (int s0 = a.k_begin; s0 < a.k_end;) {
    const int s1 = Least(a.k_end, (s0 / segment + 1) * segment);
    for (int k0 = s0; k0 < s1;) {
      const int k1 = Least(s1, (k0 / period_k + 1) * period_k);
      period(k0, k1);
      k0 = k1;
    }
    segment_end();
    s0 = s1;
  }
}

struct Sums {
  alignas(64) float total[kRowBlock][16];
  alignas(64) float sum[kRowBlock][16];  // of the segment
  int rows;

  void Start(int count) {
    rows = count;
    for (int i = 0; i < rows; ++i) {
      for (int c = 0; c < 16; ++c) total[i][c] = sum[i][c] = 0.0f;
    }
  }
  void EndSegment() {
    for (int i = 0; i < rows; ++i) {
      for (int c = 0; c < 16; ++c) {
        total[i][c] = total[i][c] + sum[i][c];
        sum[i][c] = 0.0f;
      }
    }
  }
  void Store(const LinearPackedArgs& a, int panel, int row0) const {
    for (int i = 0; i < rows; ++i) {
      float* y = a.y + (row0 + i) * a.y_stride + (ptrdiff_t)(panel - a.panel_begin) * 16;
      for (int c = 0; c < 16; ++c) y[c] = total[i][c];
    }
  }
};

}  // namespace

void RefLinearPackedInt8(const LinearPackedArgs& args) {
  const PackedPanels* w = args.w;
  const int period = PackedPeriod(w, args.activation_group);
  IntegerTile tile;
  Sums sums;
  int32_t a[kRowBlock][16];
  for (int panel = args.panel_begin; panel < args.panel_end; ++panel) {
    for (int row0 = 0; row0 < args.m; row0 += kRowBlock) {
      sums.Start(Least(kRowBlock, args.m - row0));
      int expanded = -1;
      ForPeriods(
          args, period,
          [&](int k0, int k1) {
            memset(a, 0, sizeof a);
            for (int t = k0 / 64; t * 64 < k1; ++t) {
              if (t != expanded) ExpandIntegers(w, panel, expanded = t, &tile);
              const int begin = k0 > t * 64 ? k0 - t * 64 : 0, end = Least(64, k1 - t * 64);
              for (int i = 0; i < sums.rows; ++i) {
                IntegerDot((const int8_t*)args.x + (row0 + i) * args.x_stride + t * 64, &tile, begin, end, a[i]);
              }
            }
            for (int i = 0; i < sums.rows; ++i) {
              const int32_t* running = args.x_sums + row0 + i;
              const uint32_t sum = (uint32_t)running[(ptrdiff_t)(k1 / 32) * args.x_rows] -
                                   (uint32_t)running[(ptrdiff_t)(k0 / 32) * args.x_rows];
              const float sx = args.x_scales[(ptrdiff_t)(k0 / args.activation_group) * args.x_rows + row0 + i];
              for (int c = 0; c < 16; ++c) {
                const auto t = (int32_t)((uint32_t)a[i][c] - (uint32_t)ZeroPoint(w, panel, c, k0) * sum);
                const float s = sx * WeightScale(w, panel, c, k0);
                sums.sum[i][c] = __builtin_fmaf((float)t, s, sums.sum[i][c]);
              }
            }
          },
          [&] { sums.EndSegment(); });
      sums.Store(args, panel, row0);
    }
  }
}

void RefLinearPackedBf16(const LinearPackedArgs& args) {
  const PackedPanels* w = args.w;
  const int period = PackedPeriod(w, w->k_padded), tile_k = PackedTileK(w->type);
  ExpandedTile tile;
  WideTile wide;
  Sums sums;
  alignas(64) float p[kRowBlock][16];
  for (int panel = args.panel_begin; panel < args.panel_end; ++panel) {
    for (int row0 = 0; row0 < args.m; row0 += kRowBlock) {
      sums.Start(Least(kRowBlock, args.m - row0));
      int expanded = -1;
      ForPeriods(
          args, period,
          [&](int k0, int k1) {
            memset(p, 0, sizeof p);
            for (int k = k0; k < k1; k += 32) {
              if (k / tile_k != expanded) ExpandTile(w, panel, expanded = k / tile_k, &tile);
              WidenStep(w, panel, &tile, expanded, k / 32, &wide);
              for (int i = 0; i < sums.rows; ++i) {
                DotStep((const bf16*)args.x + (row0 + i) * args.x_stride + k, &wide, p[i]);
              }
            }
            for (int i = 0; i < sums.rows; ++i) {
              for (int c = 0; c < 16; ++c) {
                sums.sum[i][c] = w->scales == nullptr || w->product
                                     ? p[i][c]  // one period a segment
                                     : __builtin_fmaf(p[i][c], WeightScale(w, panel, c, k0), sums.sum[i][c]);
              }
            }
          },
          [&] { sums.EndSegment(); });
      sums.Store(args, panel, row0);
    }
  }
}

void RefExpandChannel(const PackedPanels* w, int n, int k, float* to) {
  const int panel = n / 16, channel = n % 16, tile_k = PackedTileK(w->type), pair_k = PairK(w);
  for (int t = 0; t * tile_k < k; ++t) {
    const uint8_t* values = TileValues(w, panel, t);
    int before = 0;  // stored in the rows before
    for (int row = 0; row < 16; ++row) {
      if (row == 8 && w->type == PackedValues::kCode4) before = 0;
      const uint64_t mask = RowMask(w, panel, t, row);
      for (int i = 0; i < pair_k; ++i) {
        const int at = t * tile_k + row * pair_k + i, j = channel * pair_k + i;
        if (at >= k) break;
        to[at] = 0.0f;
        if ((mask >> j & 1) == 0) continue;
        const int index = before + __builtin_popcountll(mask & (((uint64_t)1 << j) - 1));
        const int stored = StoredValue(w, values, row, index) + BookOffset(w, panel, channel, at);
        const float value = UnscaledWeight(w, (uint16_t)stored, ZeroPoint(w, panel, channel, at));
        to[at] = value * WeightScale(w, panel, channel, at);
      }
      before += __builtin_popcountll(mask);
    }
  }
}

}  // namespace lacuna::kernels
