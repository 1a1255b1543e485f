#include "compress/gemm.h"

#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/fp_scope.h"
#include "base/status_macros.h"

namespace lacuna {
namespace {

using kernels::kGemmM;
using kernels::kGemmN;

// Floats from a packed panel to the next. A line more than a multiple of a page, or all panels would share the same
// few places of a cache.
constexpr int64_t kPanelA = kGemmBlockK * kGemmM + 16, kPanelB = kGemmBlockK * kGemmN + 16;
// Of c, for a thread: the panels of one block of k and the sums, 650 KiB, stay in the cache of a core.
constexpr int64_t kTileM = 16 * kGemmM, kTileN = 8 * kGemmN;

int64_t Ceil(int64_t count, int64_t width) { return (count + width - 1) / width; }

// Packed operands of one block of k.
struct PackedBlock {
  float* a;
  float* b;

  // Those of row (column) i of c, a multiple of the panels' width.
  float* A(int64_t i) const { return a + i / kGemmM * kPanelA; }
  float* B(int64_t j) const { return b + j / kGemmN * kPanelB; }
};

// `from` [k][count] as panels [k][width], zeros from `count` on. Along the rows of `from`, which are far apart: a few
// at a time, so that each line of memory is fetched once.
template <int width, int64_t panel>
void PackColumns(ConstMatrix from, int64_t k, int64_t count, float* to) {
  constexpr int64_t kRows = 4;
  const int64_t whole = count / width, rest = count % width;
  for (int64_t t0 = 0; t0 < k; t0 += kRows) {
    const int64_t t1 = std::min(k, t0 + kRows);
    for (int64_t p = 0; p < whole; ++p) {
      for (int64_t t = t0; t < t1; ++t) {
        std::memcpy(to + p * panel + t * width, from.Row(t) + p * width, width * sizeof(float));
      }
    }
    for (int64_t t = t0; rest > 0 && t < t1; ++t) {
      float* out = to + whole * panel + t * width;
      std::copy_n(from.Row(t) + whole * width, rest, out);
      std::fill(out + rest, out + width, 0.0f);
    }
  }
}

// `from` [count][k] transposed to the same panels.
void PackRows(ConstMatrix from, int64_t k, int64_t count, float* to) {
  for (int64_t p = 0; p < count; p += kGemmM, to += kPanelA) {
    for (int64_t i = 0; i < kGemmM; ++i) {
      const float* row = p + i < count ? from.Row(p + i) : nullptr;
      for (int64_t t = 0; t < k; ++t) to[t * kGemmM + i] = row != nullptr ? row[t] : 0.0f;
    }
  }
}

// Rows [i, i + rows) of c, k steps from k0 on.
void PackA(const GemmArgs& g, int64_t i, int64_t rows, int64_t k0, int64_t k, float* to) {
  if (g.a_by_rows) {
    PackRows(g.a.At(i, k0), k, rows, to);
  } else {
    PackColumns<kGemmM, kPanelA>(g.a.At(k0, i), k, rows, to);
  }
}

void PackB(const GemmArgs& g, int64_t j, int64_t columns, int64_t k0, int64_t k, float* to) {
  PackColumns<kGemmN, kPanelB>(g.b.At(k0, j), k, columns, to);
}

constexpr int64_t kNoDiagonal = std::numeric_limits<int64_t>::min() / 2;

// to [m][n] += sign * the product of panels of one block of k. Tiles that lie in columns before diagonal + their first
// row are left out.
void MultiplyPanels(kernels::GemmTileFn tile, PackedBlock from, int64_t m, int64_t n, int64_t k, float sign, Matrix to,
                    int64_t diagonal = kNoDiagonal) {
  alignas(64) float edge[kGemmM * kGemmN] = {};
  for (int64_t i = 0; i < m; i += kGemmM) {
    const int64_t rows = std::min<int64_t>(kGemmM, m - i);
    for (int64_t j = 0; j < n; j += kGemmN) {
      if (j + kGemmN <= diagonal + i) continue;
      const int64_t columns = std::min<int64_t>(kGemmN, n - j);
      const Matrix c = to.At(i, j);
      // Needed behind the sums, thousands of cycles from here.
      for (int64_t r = 0; r < rows; ++r) {
        __builtin_prefetch(c.Row(r), 1, 2);
        __builtin_prefetch(c.Row(r) + columns - 1, 1, 2);
      }
      if (rows == kGemmM && columns == kGemmN) {
        tile(from.A(i), from.B(j), static_cast<int>(k), sign, c.data, c.stride);
        continue;
      }
      const std::size_t bytes = static_cast<std::size_t>(columns) * sizeof(float);
      for (int64_t r = 0; r < rows; ++r) std::memcpy(edge + r * kGemmN, c.Row(r), bytes);
      tile(from.A(i), from.B(j), static_cast<int>(k), sign, edge, kGemmN);
      for (int64_t r = 0; r < rows; ++r) std::memcpy(c.Row(r), edge + r * kGemmN, bytes);
    }
  }
}

}  // namespace

Result<GemmWorkspace> GemmWorkspace::Create(int64_t m, int64_t n, int64_t k) {
  GemmWorkspace w;
  w.a_floats_ = Ceil(m, kGemmM) * kPanelA;
  w.b_floats_ = Ceil(n, kGemmN) * kPanelB;
  w.blocks_ = std::clamp<int64_t>(Ceil(k, kGemmBlockK), 1, kBlocks);
  const int64_t floats = w.blocks_ * (w.a_floats_ + w.b_floats_);
  LACUNA_ASSIGN_OR_RETURN(
      w.memory_, AlignedBuffer::Create(static_cast<std::size_t>(floats) * sizeof(float), "operands of a product"));
  return w;
}

void GemmAdd(kernels::GemmTileFn tile, const GemmArgs& g) {
  constexpr int64_t kFloatsA = kTileM / kGemmM * kPanelA, kFloatsB = kTileN / kGemmN * kPanelB;
  thread_local std::vector<float> memory(kFloatsA + kFloatsB + 16);
  float* const a = reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) / 64 * 64);
  const PackedBlock block{a, a + kFloatsA};
  for (int64_t k0 = 0; k0 < g.k; k0 += kGemmBlockK) {
    const int64_t k = std::min(kGemmBlockK, g.k - k0);
    for (int64_t j = 0; j < g.n; j += kTileN) {
      const int64_t n = std::min(kTileN, g.n - j);
      PackB(g, j, n, k0, k, block.b);
      for (int64_t i = 0; i < g.m; i += kTileM) {
        const int64_t m = std::min(kTileM, g.m - i);
        PackA(g, i, m, k0, k, block.a);
        MultiplyPanels(tile, block, m, n, k, g.sign, g.c.At(i, j));
      }
    }
  }
}

void GemmAddParallel(kernels::GemmTileFn tile, const GemmArgs& g, GemmWorkspace& workspace, bool upper) {
  constexpr int64_t kShare = 2 * kTileM;  // columns that a thread packs at a time
  static_assert(kShare % kGemmN == 0);
  const int64_t shares = Ceil(std::max(g.m, g.n), kShare), rows = Ceil(g.m, kTileM), columns = Ceil(g.n, kTileN);
  LACUNA_DCHECK(Ceil(g.m, kGemmM) * kPanelA <= workspace.a_floats_ &&
                Ceil(g.n, kGemmN) * kPanelB <= workspace.b_floats_);
  float* const memory = reinterpret_cast<float*>(workspace.memory_.data());
  const auto block_at = [&](int64_t block) {
    float* const a = memory + block * (workspace.a_floats_ + workspace.b_floats_);
    return PackedBlock{a, a + workspace.a_floats_};
  };
  for (int64_t from = 0; from < g.k; from += workspace.blocks_ * kGemmBlockK) {
    const int64_t blocks = std::min(workspace.blocks_, Ceil(g.k - from, kGemmBlockK));
    const auto steps = [&](int64_t block) { return std::min(kGemmBlockK, g.k - from - block * kGemmBlockK); };
    // Each operand once for all threads.
    tbb::parallel_for(int64_t{0}, blocks * shares, [&](int64_t index) {
      const int64_t block = index / shares, at = index % shares * kShare, k0 = from + block * kGemmBlockK;
      const PackedBlock to = block_at(block);
      if (at < g.m) PackA(g, at, std::min(kShare, g.m - at), k0, steps(block), to.A(at));
      if (at < g.n) PackB(g, at, std::min(kShare, g.n - at), k0, steps(block), to.B(at));
    });
    const auto multiply = [&](int64_t index) {
      const int64_t i = index / columns * kTileM, j = index % columns * kTileN;
      const int64_t m = std::min(kTileM, g.m - i), n = std::min(kTileN, g.n - j);
      const int64_t diagonal = upper ? i - j : kNoDiagonal;
      if (n <= diagonal) return;
      for (int64_t block = 0; block < blocks; ++block) {
        const PackedBlock packed = block_at(block);
        MultiplyPanels(tile, {packed.A(i), packed.B(j)}, m, n, steps(block), g.sign, g.c.At(i, j), diagonal);
      }
    };
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, rows * columns),
        [&](const tbb::blocked_range<int64_t>& range) {
          const FpScope fp;
          for (int64_t index = range.begin(); index < range.end(); ++index) multiply(index);
        },
        tbb::simple_partitioner());
  }
}

}  // namespace lacuna
