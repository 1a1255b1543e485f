// Products of float32 matrices in a fixed order of sums: k is cut into blocks of kGemmBlockK from its beginning; each
// block is one chain of fma ascending from +0, which is then added to c. So the result depends on the operands alone,
// not on threads, tiles or the instruction set. (No BLAS: its results change with the core and the number of threads.)
#pragma once

#include <cstdint>

#include "base/aligned_buffer.h"
#include "kernels/gemm.h"
#include "lacuna/status.h"

namespace lacuna {

inline constexpr int64_t kGemmBlockK = 256;

// Row-major, `stride` floats between rows.
struct ConstMatrix {
  const float* data = nullptr;
  int64_t stride = 0;

  const float* Row(int64_t i) const { return data + i * stride; }
  ConstMatrix At(int64_t i, int64_t j) const { return {data + i * stride + j, stride}; }
};
struct Matrix {
  float* data = nullptr;
  int64_t stride = 0;

  float* Row(int64_t i) const { return data + i * stride; }
  Matrix At(int64_t i, int64_t j) const { return {data + i * stride + j, stride}; }
  operator ConstMatrix() const { return {data, stride}; }  // NOLINT: implicit by design
};

// Floats between the rows of a matrix of `columns` columns that products are added to: two lines more than a multiple
// of four, or the rows of a tile would share a few places of a cache where columns are a power of two.
inline int64_t PaddedStride(int64_t columns) { return (columns + 63) / 64 * 64 + 32; }

struct GemmArgs {
  ConstMatrix a;
  ConstMatrix b;  // [k][n]
  Matrix c;       // [m][n]; overlaps neither
  int64_t m = 0, n = 0, k = 0;
  float sign = 1;          // 1 or -1
  bool a_by_rows = false;  // a is [m][k]; else [k][m]
};

// c += sign * a^T * b (a * b with a_by_rows), on the calling thread, which holds an FpScope.
void GemmAdd(kernels::GemmTileFn tile, const GemmArgs& args);

// Where GemmAddParallel packs its operands, for up to m rows and n columns of c; of k a few blocks at a time.
class GemmWorkspace {
 public:
  static Result<GemmWorkspace> Create(int64_t m, int64_t n, int64_t k);

 private:
  friend void GemmAddParallel(kernels::GemmTileFn, const GemmArgs&, GemmWorkspace&, bool);

  static constexpr int64_t kBlocks = 2;

  AlignedBuffer memory_;
  int64_t a_floats_ = 0, b_floats_ = 0;  // of a block
  int64_t blocks_ = 0;
};

// The same on the threads of the caller's oneTBB arena. With `upper`, c is square and only the kernel's tiles that
// touch the upper triangle are computed; what lies below the diagonal is then undefined.
void GemmAddParallel(kernels::GemmTileFn tile, const GemmArgs& args, GemmWorkspace& workspace, bool upper = false);

}  // namespace lacuna
