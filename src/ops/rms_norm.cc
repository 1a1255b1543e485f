#include "ops/rms_norm.h"

#include "ops/validate.h"

namespace lacuna {

Status Validate(const RmsNormArgs& args) {
  LACUNA_RETURN_IF_ERROR(CheckView("rms_norm: x", args.x, args.y.rows, args.y.cols));
  LACUNA_RETURN_IF_ERROR(CheckView("rms_norm: y", args.y, args.x.rows, args.x.cols));
  if (args.weight == nullptr || args.groups < 1 || args.x.cols % args.groups != 0) {
    return InternalError("rms_norm: no weight, or the groups do not divide the row");
  }
  if (args.plus_residual && args.x.data == args.y.data) {
    return InternalError("rms_norm: the residual is its own input");
  }
  return {};
}

Status RmsNorm(Backend& backend, const RmsNormArgs& args) {
  LACUNA_RETURN_IF_ERROR(Validate(args));
  const OpScope scope(backend.traffic(), OpKind::kRmsNorm);
  backend.RmsNorm(args);
  return {};
}

}  // namespace lacuna
