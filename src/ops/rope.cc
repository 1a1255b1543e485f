#include "ops/rope.h"

#include "ops/validate.h"

namespace lacuna {

Status Validate(const RopeArgs& args) {
  if (args.head_dim < 2 || args.head_dim % 2 != 0) return InternalError("rope: head_dim must be even");
  LACUNA_RETURN_IF_ERROR(CheckView("rope: x", args.x, args.cos.rows, int64_t{args.heads} * args.head_dim));
  const int64_t half = args.cos.cols;
  if (half < 1 || half > args.head_dim / 2) return InternalError("rope: more dimensions turn than a head has");
  LACUNA_RETURN_IF_ERROR(CheckView("rope: cos", args.cos, args.x.rows, half));
  return CheckView("rope: sin", args.sin, args.x.rows, half);
}

Status Rope(Backend& backend, const RopeArgs& args) {
  LACUNA_RETURN_IF_ERROR(Validate(args));
  const OpScope scope(backend.traffic(), OpKind::kRope);
  backend.Rope(args);
  return {};
}

}  // namespace lacuna
