#include "compress/inverse_factor.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/fp_scope.h"
#include "base/status_macros.h"

namespace lacuna {
namespace {

constexpr int64_t kBlock = 128;
constexpr int64_t kColumns = 256;  // a thread's share of a panel

std::size_t At(int64_t i) { return static_cast<std::size_t>(i); }

template <class F>
void ForColumns(int64_t begin, int64_t end, F f) {
  if (begin >= end) return;
  tbb::parallel_for(int64_t{0}, (end - begin + kColumns - 1) / kColumns, [&](int64_t i) {
    const FpScope fp;
    f(begin + i * kColumns, std::min(end, begin + (i + 1) * kColumns));
  });
}

// x -= factor * y
void Subtract(float factor, const float* y, int64_t n, float* x) {
  for (int64_t i = 0; i < n; ++i) x[i] -= factor * y[i];
}

// A = V^T V in place, V upper. Returns the first row whose pivot is not positive, or -1.
int64_t Factorize(kernels::GemmTileFn tile, Matrix a, int64_t k, GemmWorkspace& workspace) {
  for (int64_t j = 0; j < k; j += kBlock) {
    const int64_t end = std::min(k, j + kBlock);
    {
      const FpScope fp;
      for (int64_t i = j; i < end; ++i) {
        float* row = a.Row(i);
        if (!(row[i] > 0) || !std::isfinite(row[i])) return i;
        const float pivot = std::sqrt(row[i]);
        for (int64_t c = i; c < end; ++c) row[c] /= pivot;
        for (int64_t r = i + 1; r < end; ++r) Subtract(row[r], row + r, end - r, a.Row(r) + r);
      }
    }
    // The block's rows to the right: V12 = V11^-T A12.
    ForColumns(end, k, [&](int64_t first, int64_t last) {
      for (int64_t i = j; i < end; ++i) {
        const float* diagonal = a.Row(i);
        float* row = a.Row(i);
        for (int64_t c = first; c < last; ++c) row[c] /= diagonal[i];
        for (int64_t r = i + 1; r < end; ++r) Subtract(diagonal[r], row + first, last - first, a.Row(r) + first);
      }
    });
    const Matrix v12 = a.At(j, end);
    GemmAddParallel(tile,
                    {.a = v12, .b = v12, .c = a.At(end, end), .m = k - end, .n = k - end, .k = end - j, .sign = -1},
                    workspace, true);
  }
  return -1;
}

// The upper triangle of a becomes that of its inverse; the lower one zeros.
void Invert(kernels::GemmTileFn tile, Matrix a, int64_t k) {
  for (int64_t i = 0; i < k; ++i) std::fill_n(a.Row(i), i, 0.0f);
  std::vector<float> product(At(kBlock * k)), diagonal(At(kBlock * kBlock));
  for (int64_t begin = (k - 1) / kBlock * kBlock; begin >= 0; begin -= kBlock) {
    const int64_t end = std::min(k, begin + kBlock), rows = end - begin;
    const Matrix inverse{diagonal.data(), kBlock};
    std::fill(diagonal.begin(), diagonal.end(), 0.0f);
    {
      // Columns of the block's inverse by substitution, from the diagonal up.
      const FpScope fp;
      for (int64_t c = 0; c < rows; ++c) {
        inverse.Row(c)[c] = 1 / a.Row(begin + c)[begin + c];
        for (int64_t r = c - 1; r >= 0; --r) {
          const float* row = a.Row(begin + r) + begin;
          float sum = 0;
          for (int64_t t = r + 1; t <= c; ++t) sum += row[t] * inverse.Row(t)[c];
          inverse.Row(r)[c] = -sum / row[r];
        }
      }
    }
    // What lies right of it: -inverse * (row block * the inverse below), of which only rows up to its columns are not
    // 0.
    ForColumns(end, k, [&](int64_t first, int64_t last) {
      const Matrix to{product.data() + first, k};
      for (int64_t r = 0; r < rows; ++r) std::fill_n(to.Row(r), last - first, 0.0f);
      GemmAdd(tile, {.a = a.At(begin, end),
                     .b = a.At(end, first),
                     .c = to,
                     .m = rows,
                     .n = last - first,
                     .k = last - end,
                     .a_by_rows = true});
    });
    ForColumns(end, k, [&](int64_t first, int64_t last) {
      const Matrix to = a.At(begin, first);
      for (int64_t r = 0; r < rows; ++r) std::fill_n(to.Row(r), last - first, 0.0f);
      GemmAdd(tile, {.a = inverse,
                     .b = {product.data() + first, k},
                     .c = to,
                     .m = rows,
                     .n = last - first,
                     .k = rows,
                     .sign = -1,
                     .a_by_rows = true});
    });
    for (int64_t r = 0; r < rows; ++r) std::copy_n(inverse.Row(r) + r, rows - r, a.Row(begin + r) + begin + r);
  }
}

}  // namespace

Result<AlignedBuffer> InverseFactor(const Hessian& hessian, std::span<const int32_t> order, double damping,
                                    kernels::GemmTileFn tile) {
  const int64_t k = hessian.k();
  LACUNA_ASSIGN_OR_RETURN(AlignedBuffer buffer,
                          AlignedBuffer::Create(At(k * k) * sizeof(float), "factor of the Hessian"));
  const Matrix a{reinterpret_cast<float*>(buffer.data()), k};
  double sum = 0;
  for (float d : hessian.diagonal()) sum += d;
  const auto added = static_cast<float>(damping * sum / static_cast<double>(k));
  const auto source = [&](int64_t j) { return order.empty() ? j : int64_t{order[At(j)]}; };
  tbb::parallel_for(int64_t{0}, k, [&](int64_t i) {
    const FpScope fp;
    const float* from = hessian.matrix().Row(source(k - 1 - i));
    float* to = a.Row(i);
    for (int64_t j = i; j < k; ++j) to[j] = from[source(k - 1 - j)];
    to[i] = to[i] == 0 ? 1 : to[i] + added;
  });
  LACUNA_ASSIGN_OR_RETURN(GemmWorkspace workspace, GemmWorkspace::Create(k, k, kBlock));
  const int64_t failed = Factorize(tile, a, k, workspace);
  workspace = {};
  if (failed >= 0) {
    return InvalidInput(hessian.name() + ": the Hessian of its " + std::to_string(k) + " inputs over " +
                        std::to_string(hessian.tokens()) + " tokens is singular at input " +
                        std::to_string(source(k - 1 - failed)) +
                        ": calibrate on more or more varied text, or raise the damping");
  }
  Invert(tile, a, k);
  // Transposed about the other diagonal: U[i][j] = V^-1[k - 1 - j][k - 1 - i].
  tbb::parallel_for(int64_t{0}, k, [&](int64_t i) {
    for (int64_t j = i; i + j < k - 1; ++j) std::swap(a.Row(i)[j], a.Row(k - 1 - j)[k - 1 - i]);
  });
  return buffer;
}

}  // namespace lacuna
