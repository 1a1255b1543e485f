#include <algorithm>

#include "base/status_macros.h"
#include "lacuna/evaluate.h"
#include "model/model_impl.h"

namespace lacuna {

Result<BytesPerToken> MeasureBytesPerToken(std::shared_ptr<const Model> model, int64_t depth,
                                           const SessionOptions& session) {
  const int64_t context = model->info().context_length;
  if (depth < 0 || depth >= context) {
    return InvalidInput("a depth of " + std::to_string(depth) + " tokens: expected 0 to " +
                        std::to_string(context - 1) + ", one less than the context");
  }
  SessionOptions options = session;
  options.context_length = depth + 1;
  options.max_lanes = 1;
  options.max_logits = 1;
  LACUNA_ASSIGN_OR_RETURN(const auto s, Session::Create(model, options));
  LACUNA_ASSIGN_OR_RETURN(const LaneId lane, s->NewLane());
  if (depth > 0) {
    const std::vector<int32_t> any(static_cast<std::size_t>(depth), 0);
    LACUNA_RETURN_IF_ERROR(s->Append(lane, any).status());
  }
  const Traffic& traffic = model->impl().backend->traffic();
  const TrafficCount before = traffic.Total();
  LACUNA_RETURN_IF_ERROR(s->Append(lane, std::vector<int32_t>{0}).status());
  const TrafficCount cost = traffic.Total() - before;
  const int64_t kv = cost[OpKind::kAttention].bytes + cost[OpKind::kKvWrite].bytes;
  return BytesPerToken{.depth = depth, .weights = cost.bytes() - kv, .kv = kv};
}

}  // namespace lacuna
