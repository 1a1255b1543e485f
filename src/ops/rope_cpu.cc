#include "backend/cpu/cpu_backend.h"
#include "ops/rope.h"

namespace lacuna {

void CpuBackend::Rope(const RopeArgs& args) {
  team_.ParallelFor(args.x.rows, [&](int64_t begin, int64_t end, int) {
    for (int64_t row = begin; row < end; ++row) {
      elementwise_.rope(args.x.Row(row), args.heads, args.head_dim, args.cos.Row(row), args.sin.Row(row));
    }
  });
}

}  // namespace lacuna
