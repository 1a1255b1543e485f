#include "compress/gemm.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/fp_scope.h"

namespace lacuna {
namespace {

using kernels::kGemmM;
using kernels::kGemmN;

constexpr int64_t kBlockN = 8 * kGemmN;                    // columns of b packed at a time: 256 KiB
constexpr int64_t kTileM = 16 * kGemmM, kTileN = kBlockN;  // of c, for a thread

// Packed operands of one block of k, kept by each thread.
struct Workspace {
  std::vector<float> memory = std::vector<float>(kGemmBlockK * (kBlockN + kGemmM) + 16);
  float* a() {
    const auto address = reinterpret_cast<uintptr_t>(memory.data());
    return reinterpret_cast<float*>((address + 63) / 64 * 64);
  }
  float* b() { return a() + kGemmBlockK * kGemmM; }
};

// rows of `from` [k][count] to [k][width], zeros from `count` on
void PackColumns(ConstMatrix from, int64_t k, int64_t count, int width, float* to) {
  for (int64_t t = 0; t < k; ++t, to += width) {
    std::memcpy(to, from.Row(t), static_cast<std::size_t>(count) * sizeof(float));
    std::fill(to + count, to + width, 0.0f);
  }
}

// `from` [count][k] transposed to [k][width]
void PackRows(ConstMatrix from, int64_t k, int64_t count, int width, float* to) {
  for (int64_t t = 0; t < k; ++t) {
    for (int64_t i = 0; i < width; ++i) to[t * width + i] = i < count ? from.Row(i)[t] : 0.0f;
  }
}

}  // namespace

void GemmAdd(kernels::GemmTileFn tile, const GemmArgs& g) {
  thread_local Workspace workspace;
  float* const a = workspace.a();
  float* const b = workspace.b();
  alignas(64) float edge[kGemmM * kGemmN] = {};
  for (int64_t k0 = 0; k0 < g.k; k0 += kGemmBlockK) {
    const int64_t k = std::min(kGemmBlockK, g.k - k0);
    for (int64_t n0 = 0; n0 < g.n; n0 += kBlockN) {
      const int64_t n = std::min(kBlockN, g.n - n0);
      for (int64_t j = 0; j < n; j += kGemmN) {
        PackColumns(g.b.At(k0, n0 + j), k, std::min<int64_t>(kGemmN, n - j), kGemmN, b + j * kGemmBlockK);
      }
      for (int64_t i = 0; i < g.m; i += kGemmM) {
        const int64_t rows = std::min<int64_t>(kGemmM, g.m - i);
        if (g.a_by_rows) {
          PackRows(g.a.At(i, k0), k, rows, kGemmM, a);
        } else {
          PackColumns(g.a.At(k0, i), k, rows, kGemmM, a);
        }
        for (int64_t j = 0; j < n; j += kGemmN) {
          const int64_t columns = std::min<int64_t>(kGemmN, n - j);
          const Matrix c = g.c.At(i, n0 + j);
          if (rows == kGemmM && columns == kGemmN) {
            tile(a, b + j * kGemmBlockK, static_cast<int>(k), g.sign, c.data, c.stride);
            continue;
          }
          const std::size_t bytes = static_cast<std::size_t>(columns) * sizeof(float);
          for (int64_t r = 0; r < rows; ++r) std::memcpy(edge + r * kGemmN, c.Row(r), bytes);
          tile(a, b + j * kGemmBlockK, static_cast<int>(k), g.sign, edge, kGemmN);
          for (int64_t r = 0; r < rows; ++r) std::memcpy(c.Row(r), edge + r * kGemmN, bytes);
        }
      }
    }
  }
}

void GemmAddParallel(kernels::GemmTileFn tile, const GemmArgs& g, bool upper) {
  const int64_t rows = (g.m + kTileM - 1) / kTileM, columns = (g.n + kTileN - 1) / kTileN;
  tbb::parallel_for(int64_t{0}, rows * columns, [&](int64_t index) {
    const int64_t i = index / columns * kTileM, j = index % columns * kTileN;
    const int64_t m = std::min(kTileM, g.m - i), n = std::min(kTileN, g.n - j);
    if (upper && j + n <= i) return;
    const FpScope fp;
    GemmArgs part = g;
    part.a = g.a_by_rows ? g.a.At(i, 0) : g.a.At(0, i);
    part.b = g.b.At(0, j);
    part.c = g.c.At(i, j);
    part.m = m;
    part.n = n;
    GemmAdd(tile, part);
  });
}

}  // namespace lacuna
