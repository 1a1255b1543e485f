#include "backend/cpu/cpu_backend.h"
#include "ops/rms_norm.h"

namespace lacuna {

void CpuBackend::RmsNorm(const RmsNormArgs& args) {
  const int n = static_cast<int>(args.x.cols / args.groups);
  team_.ParallelFor(args.x.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      float* x = args.x.Row(row);
      float* y = args.y.Row(row);
      float* normed = args.plus_residual ? x : y;
      for (int g = 0; g < args.groups; ++g) {
        elementwise_.rms_norm(x + g * n, args.weight, args.eps, n, normed + g * n);
      }
      if (args.plus_residual) elementwise_.add(normed, y, static_cast<int>(args.y.cols), y);
    }
  });
}

}  // namespace lacuna
