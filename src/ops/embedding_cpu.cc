#include <cstring>

#include "backend/cpu/cpu_backend.h"
#include "kernels/ref/ref.h"
#include "ops/embedding.h"
#include "weights/convert.h"

namespace lacuna {

void CpuBackend::Embedding(const EmbeddingArgs& args) {
  const EmbeddingTable& table = *args.table;
  const int64_t row_bytes = table.cols * static_cast<int64_t>(ElementBytes(table.type));
  team_.ParallelFor(static_cast<int64_t>(args.ids.size()), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      float* y = args.y.Row(i);
      if (table.packed != nullptr) {
        kernels::RefExpandChannel(&table.packed->view, args.ids[i], table.packed->k, y);
      } else {
        ConvertToFloat(table.data + args.ids[i] * row_bytes, table.type, table.cols, y);
      }
      if (args.scale == 1) continue;
      for (int64_t j = 0; j < table.cols; ++j) y[j] *= args.scale;
    }
  });
}

}  // namespace lacuna
