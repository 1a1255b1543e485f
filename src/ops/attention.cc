#include "ops/attention.h"

#include <algorithm>

#include "kernels/attention.h"
#include "ops/validate.h"

namespace lacuna {

int64_t AttentionWorkspace(const KvLayout& layout, int heads, int64_t context, int threads) {
  // f32 mode keeps the scores of a query's whole history.
  if (layout.type == ElementType::kF32) return context * threads;
  // A scratch a worker, and the chunks of a decode step's rows, up to two of them, when its history is split.
  const int64_t scratch = kernels::AttentionScratchBytes(layout.head_dim) / int64_t{sizeof(float)};
  const int64_t chunks = context / kernels::kChunkTokens + 1;
  return 16 + scratch * threads + 2 * chunks * heads * kernels::PartialFloats(layout.head_dim);
}

Status Validate(const AttentionArgs& args) {
  const KvLayout& l = args.layout;
  if (l.head_dim > kMaxHeadDim) return InternalError("attention: head_dim is above " + std::to_string(kMaxHeadDim));
  if (l.kv_heads < 1 || args.heads % l.kv_heads != 0) return InternalError("attention: heads must group evenly");
  if (!(args.scale > 0)) return InternalError("attention: the scale must be above 0");
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
