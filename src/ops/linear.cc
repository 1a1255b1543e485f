#include "ops/linear.h"

#include "ops/linear_blocks.h"
#include "ops/validate.h"

namespace lacuna {

std::size_t LinearWorkspace(int64_t rows, int64_t max_k, int threads) {
  return LinearInputsBytes(rows, max_k) + static_cast<std::size_t>(threads) * BlockBytes(rows);
}

Status Validate(const LinearArgs& args) {
  if (args.set == nullptr || args.set->members.empty()) return InternalError("linear: an empty set");
  const std::size_t members = args.set->members.size();
  const bool pair = IsPair(args.epilogue);
  if (members != (pair ? 2 : args.y.size()) || args.y.empty()) {
    return InternalError("linear: the set's members and the output views do not match");
  }
  LACUNA_RETURN_IF_ERROR(CheckView("linear: x", args.x, args.x.rows, args.set->k()));
  const int64_t rows = args.rows();
  for (std::size_t i = 0; i < members; ++i) {
    const PackedWeight& w = args.set->members[i].weight;
    LACUNA_RETURN_IF_ERROR(CheckView("linear: y", args.y[pair ? 0 : i], rows, w.n));
    if (w.k != args.set->k() || (w.codec == Codec::kF32) != (args.set->members[0].weight.codec == Codec::kF32)) {
      return InternalError("linear: members of a set that cannot share an input");
    }
  }
  if (members > kMaxMembers) return InternalError("linear: too many members");
  if (!args.input_rows.empty() && args.set->members[0].weight.codec == Codec::kF32) {
    return InternalError("linear: a list of rows is not for f32");
  }
  for (int32_t row : args.input_rows) {
    if (row < 0 || row >= args.x.rows)
      return InternalError("linear: input row " + std::to_string(row) + " is not there");
  }
  return {};
}

Status Linear(Backend& backend, const LinearArgs& args) {
  LACUNA_RETURN_IF_ERROR(Validate(args));
  int64_t bytes = 0, ops = 0;
  for (const LinearMember& member : args.set->members) {
    const PackedWeight& w = member.weight;
    bytes += static_cast<int64_t>(w.ReadBytes());
    ops += 2 * args.rows() * w.n * w.k;
  }
  const OpScope scope(backend.traffic(), OpKind::kLinear, bytes, ops);
  backend.Linear(args);
  return {};
}

}  // namespace lacuna
