#include "ops/kv_write.h"

#include "kernels/attention.h"
#include "ops/validate.h"

namespace lacuna {

Status Validate(const KvWriteArgs& args) {
  const int64_t width = int64_t{args.layout.kv_heads} * args.layout.head_dim;
  LACUNA_RETURN_IF_ERROR(CheckView("kv_write: k", args.k, args.v.rows, width));
  LACUNA_RETURN_IF_ERROR(CheckView("kv_write: v", args.v, args.k.rows, width));
  for (const KvTarget& t : args.targets) {
    if (t.page == nullptr || t.slot < 0 || t.slot >= kernels::kPageTokens || t.row < 0 || t.row >= args.k.rows) {
      return InternalError("kv_write: a target lies outside its page");
    }
  }
  return {};
}

Status KvWrite(Backend& backend, const KvWriteArgs& args) {
  LACUNA_RETURN_IF_ERROR(Validate(args));
  const OpScope scope(backend.traffic(), OpKind::kKvWrite);
  backend.KvWrite(args);
  return {};
}

}  // namespace lacuna
