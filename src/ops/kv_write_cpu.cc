#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "ops/kv_write.h"

namespace lacuna {

void CpuBackend::KvWrite(const KvWriteArgs& args) {
  if (!args.copies.empty()) {
    team_.ParallelFor(static_cast<int64_t>(args.copies.size()), [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) {
        std::memcpy(args.copies[i].to, args.copies[i].from, args.layout.PageBytes());
      }
    });
  }
  team_.ParallelFor(static_cast<int64_t>(args.targets.size()), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const KvTarget& t = args.targets[i];
      WriteToken(args.layout, t.page, t.slot, args.k.Row(t.row), args.v.Row(t.row), elementwise_);
    }
  });
}

}  // namespace lacuna
