#include "compress/batch.h"

#include <algorithm>

#include "base/memory.h"
#include "base/status_macros.h"

namespace lacuna {

SessionOptions FitSession(const Model& model, int64_t context, int64_t lanes, const EvalOptions& options) {
  const ModelInfo& info = model.info();
  SessionOptions o = options.session;
  o.context_length = context;
  const int64_t memory =
      std::min(options.memory_bytes, static_cast<int64_t>(std::min<uint64_t>(BytesAvailable(), uint64_t{1} << 62) / 2));
  const int64_t row_bytes = int64_t{info.vocab_size} * static_cast<int64_t>(sizeof(float));
  o.max_logits = static_cast<int>(std::clamp<int64_t>(memory / 4 / row_bytes, 1, o.max_rows));
  const int64_t lane_bytes = std::max<int64_t>(1, (context + 63) / 64 * 64 * info.kv_bytes_per_token);
  const int64_t fit = (memory - o.max_logits * row_bytes) / lane_bytes;
  const int64_t most = std::min({lanes, int64_t{options.max_lanes}, int64_t{o.max_logits}, fit});
  o.max_lanes = static_cast<int>(std::max<int64_t>(1, most));
  return o;
}

Status OpenLanes(Session& session) {
  for (int i = 0; i < session.options().max_lanes; ++i) LACUNA_RETURN_IF_ERROR(session.NewLane().status());
  return {};
}

}  // namespace lacuna
