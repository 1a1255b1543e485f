#include "backend/cpu/cpu_backend.h"
#include "ops/rms_norm.h"

namespace lacuna {

void CpuBackend::RmsNorm(const RmsNormArgs& args) {
  const int n = static_cast<int>(args.x.cols / args.groups);
  team_.ParallelFor(args.x.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      for (int g = 0; g < args.groups; ++g) {
        elementwise_.rms_norm(args.x.Row(row) + g * n, args.weight, args.eps, n, args.y.Row(row) + g * n);
      }
    }
  });
}

}  // namespace lacuna
