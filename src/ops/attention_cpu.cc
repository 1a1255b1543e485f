#include "backend/cpu/cpu_backend.h"
#include "kernels/ref/ref.h"
#include "ops/attention.h"

namespace lacuna {

void CpuBackend::Attention(const AttentionArgs& args) {
  const KvLayout& layout = args.layout;
  const int group = args.heads / layout.kv_heads;
  const int64_t scores = static_cast<int64_t>(args.workspace.size()) / team_.workers();
  team_.ParallelFor(args.q.rows * layout.kv_heads, [&](int64_t begin, int64_t end, int worker) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t row = unit / layout.kv_heads;
      const int64_t kv_head = unit % layout.kv_heads;
      kernels::AttentionArgs a{};
      a.pages = args.rows[row].pages;
      a.page_offset = static_cast<ptrdiff_t>(kv_head * layout.HeadBytes());
      a.q = args.q.Row(row) + kv_head * group * layout.head_dim;
      a.q_stride = layout.head_dim;
      a.out = args.y.Row(row) + kv_head * group * layout.head_dim;
      a.out_stride = layout.head_dim;
      a.heads = group;
      a.head_dim = layout.head_dim;
      a.scale = args.scale;
      a.position = args.rows[row].position;
      a.window = args.window;
      if (layout.type == ElementType::kF32) {
        kernels::RefAttentionF32(a, args.workspace.data() + worker * scores);
      } else {
        kernels::RefAttentionBf16(a);
      }
    }
  });
}

}  // namespace lacuna
