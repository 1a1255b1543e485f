#include "ops/attention.h"

#include <algorithm>

#include "ops/validate.h"

namespace lacuna {

int64_t AttentionWorkspace(const KvLayout& layout, int heads, int64_t context, int threads) {
  // Only f32 mode keeps all scores of a group; bf16 pages go block by block.
  return layout.type == ElementType::kF32 ? context * (heads / layout.kv_heads) * threads : 0;
}

Status Validate(const AttentionArgs& args) {
  const KvLayout& l = args.layout;
  if (l.head_dim > kMaxHeadDim) return InternalError("attention: head_dim is above " + std::to_string(kMaxHeadDim));
  if (l.kv_heads < 1 || args.heads % l.kv_heads != 0) return InternalError("attention: heads must group evenly");
  LACUNA_RETURN_IF_ERROR(
      CheckView("attention: q", args.q, static_cast<int64_t>(args.rows.size()), int64_t{args.heads} * l.head_dim));
  return CheckView("attention: y", args.y, args.q.rows, args.q.cols);
}

namespace {

OpCount Count(const AttentionArgs& args) {
  const auto token_bytes = static_cast<int64_t>(args.layout.PageBytes() / 64);
  const auto first = [&](const AttentionRow& row) {
    return args.window > 0 ? std::max<int64_t>(0, row.position - args.window + 1) : 0;
  };
  OpCount count;
  for (std::size_t i = 0; i < args.rows.size();) {
    // Rows of one lane stand together and share its pages: what any of them sees is read once.
    const AttentionRow& lane = args.rows[i];
    int64_t begin = first(lane), end = lane.position + 1;
    for (; i < args.rows.size() && args.rows[i].pages == lane.pages; ++i) {
      const AttentionRow& row = args.rows[i];
      begin = std::min(begin, first(row));
      end = std::max(end, row.position + 1);
      count.ops += 4 * (row.position + 1 - first(row)) * args.heads * args.layout.head_dim;
    }
    count.bytes += (end - begin) * token_bytes;
  }
  return count;
}

}  // namespace

Status Attention(Backend& backend, const AttentionArgs& args) {
  LACUNA_RETURN_IF_ERROR(Validate(args));
  const OpCount count = Count(args);
  const OpScope scope(backend.traffic(), OpKind::kAttention, count.bytes, count.ops);
  backend.Attention(args);
  return {};
}

}  // namespace lacuna
