// y = x * w^T over packed panels (kernels/linear.h). Weights outer, rows inner: a tile is widened once for a block of
// rows. The compiler's vectors (lanes are channels) give 8 G MAC/s at M = 1 and 20 at M = 16 on a core with AVX2 at
// about 3 GHz (g++ 12; clang 14: 13 and 25), so that whole models can run on it in tests.
#include <stddef.h>

#include "kernels/ref/dot-inl.h"
#include "kernels/ref/ref.h"

namespace lacuna::kernels {
namespace {

enum { kRowBlock = 32 };  // 2 KiB of accumulators each for the total and the segment

}  // namespace

void RefToBf16(const float* x, int k, int k_padded, bf16* y) {
  for (int i = 0; i < k; ++i) y[i] = ToBf16(x[i]);
  for (int i = k; i < k_padded; ++i) y[i] = bf16{0};
}

void RefInputRows(const LinearInputArgs& a) {
  for (int i = 0; i < a.m; ++i) {
    bf16* to = (bf16*)a.to + (ptrdiff_t)i * a.k_padded + a.k_begin;
    const int width = a.k_end - a.k_begin, left = a.k - a.k_begin;
    RefToBf16(a.x + i * a.x_stride + a.k_begin, left < width ? left : width, width, to);
  }
}

void RefLinearBf16(const LinearBf16Args& args) {
  WideTile tile;
  alignas(64) float total[kRowBlock][16];
  alignas(64) float sum[kRowBlock][16];
  const bf16* x = (const bf16*)args.x;
  const int segment = args.k_segment > 0 ? args.k_segment : args.k_padded;
  for (int p = args.panel_begin; p < args.panel_end; ++p) {
    const bf16* panel = args.w + (ptrdiff_t)p * 16 * args.k_padded;
    for (int row0 = 0; row0 < args.m; row0 += kRowBlock) {
      const int rows = args.m - row0 < kRowBlock ? args.m - row0 : kRowBlock;
      for (int i = 0; i < rows; ++i) {
        for (int c = 0; c < 16; ++c) total[i][c] = 0.0f;
      }
      for (int k0 = 0; k0 < args.k_padded; k0 += segment) {
        const int k1 = args.k_padded - k0 < segment ? args.k_padded : k0 + segment;
        for (int i = 0; i < rows; ++i) {
          for (int c = 0; c < 16; ++c) sum[i][c] = 0.0f;
        }
        for (int k = k0; k < k1; k += 32) {
          WidenTile(panel + 16 * (ptrdiff_t)k, &tile);
          for (int i = 0; i < rows; ++i) DotStep(x + (row0 + i) * args.x_stride + k, &tile, sum[i]);
        }
        for (int i = 0; i < rows; ++i) {
          for (int c = 0; c < 16; ++c) total[i][c] = total[i][c] + sum[i][c];
        }
      }
      for (int i = 0; i < rows; ++i) {
        float* y = args.y + (row0 + i) * args.y_stride + (ptrdiff_t)(p - args.panel_begin) * 16;
        for (int c = 0; c < 16; ++c) y[c] = total[i][c];
      }
    }
  }
}

void RefLinearF32(const LinearF32Args& args) {
  alignas(64) float acc[kRowBlock][16];
  for (int p = args.panel_begin; p < args.panel_end; ++p) {
    const float* panel = args.w + (ptrdiff_t)p * 16 * args.k;
    for (int row0 = 0; row0 < args.m; row0 += kRowBlock) {
      const int rows = args.m - row0 < kRowBlock ? args.m - row0 : kRowBlock;
      for (int i = 0; i < rows; ++i) {
        for (int c = 0; c < 16; ++c) acc[i][c] = 0.0f;
      }
      int k = 0;
      for (; k + 16 <= args.k; k += 16) {  // blocks of 16 k stay in L1 for all rows
        const float* w = panel + (ptrdiff_t)k * 16;
        for (int i = 0; i < rows; ++i) {
          const float* x = args.x + (row0 + i) * args.x_stride + k;
          for (int c = 0; c < 16; ++c) {
            float a = acc[i][c];
#pragma GCC unroll 16
            for (int j = 0; j < 16; ++j) a = __builtin_fmaf(x[j], w[j * 16 + c], a);
            acc[i][c] = a;
          }
        }
      }
      for (; k < args.k; ++k) {
        const float* w = panel + (ptrdiff_t)k * 16;
        for (int i = 0; i < rows; ++i) {
          const float x = args.x[(row0 + i) * args.x_stride + k];
          for (int c = 0; c < 16; ++c) acc[i][c] = __builtin_fmaf(x, w[c], acc[i][c]);
        }
      }
      for (int i = 0; i < rows; ++i) {
        float* y = args.y + (row0 + i) * args.y_stride + (ptrdiff_t)(p - args.panel_begin) * 16;
        for (int c = 0; c < 16; ++c) y[c] = acc[i][c];
      }
    }
  }
}

}  // namespace lacuna::kernels
