#include "backend/cpu/cpu_backend.h"
#include "ops/rope.h"

namespace lacuna {

void CpuBackend::Rope(const RopeArgs& args) {
  const int turned = static_cast<int>(2 * args.cos.cols);
  team_.ParallelFor(args.x.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      float* x = args.x.Row(row);
      const float *cos = args.cos.Row(row), *sin = args.sin.Row(row);
      if (turned == args.head_dim) {
        elementwise_.rope(x, args.heads, args.head_dim, cos, sin);
        continue;
      }
      for (int h = 0; h < args.heads; ++h) elementwise_.rope(x + h * args.head_dim, 1, turned, cos, sin);
    }
  });
}

}  // namespace lacuna
