#include "ops/attention.h"

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

Status Attention(Backend& backend, const AttentionArgs& args) {
  LACUNA_RETURN_IF_ERROR(Validate(args));
  backend.Attention(args);
  return {};
}

}  // namespace lacuna
