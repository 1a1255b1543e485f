#include <algorithm>

#include "base/status_macros.h"
#include "model/decoder.h"
#include "ops/linear.h"

namespace lacuna {
namespace {

// Floats of [rows][cols], rounded up to whole cache lines.
int64_t Floats(int64_t rows, int64_t cols) { return (rows * cols + 15) / 16 * 16; }

}  // namespace

Result<DecoderScratch> DecoderScratch::Create(const ModelConfig& config, const KvShape& shape, int max_rows,
                                              int max_logits, int threads) {
  const int64_t heads_width = int64_t{config.num_heads} * config.head_dim;
  const int64_t kv_width = int64_t{config.num_kv_heads} * config.head_dim;
  const int64_t half = config.rotary_dim / 2;
  const int64_t max_k = std::max({int64_t{config.hidden_size}, heads_width, int64_t{config.intermediate_size}});
  const auto ropes = static_cast<int64_t>(config.ropes.size());
  const int64_t attention = AttentionWorkspace(shape.layout, config.num_heads, shape.context, threads);
  const std::size_t linear = LinearWorkspace(std::max(max_rows, max_logits), max_k, threads);

  const int64_t floats = 2 * Floats(max_rows, config.hidden_size) + 2 * Floats(max_rows, heads_width) +
                         2 * Floats(max_rows, kv_width) + Floats(max_rows, config.intermediate_size) +
                         Floats(max_logits, config.hidden_size) + Floats(max_logits, config.vocab_size) +
                         2 * ropes * Floats(max_rows, half) + Floats(1, attention);
  DecoderScratch s;
  s.context = shape.context;
  LACUNA_ASSIGN_OR_RETURN(
      s.memory_, AlignedBuffer::Create(static_cast<std::size_t>(floats) * sizeof(float) + linear, "activations"));
  s.linear_workspace = {s.memory_.data(), linear};
  float* next = reinterpret_cast<float*>(s.memory_.data() + linear);
  const auto take = [&next](int64_t rows, int64_t cols) {
    const View v = F32View(next, rows, cols);
    next += Floats(rows, cols);
    return v;
  };
  s.x = take(max_rows, config.hidden_size);
  s.norm = take(max_rows, config.hidden_size);
  s.q = take(max_rows, heads_width);
  s.attention = take(max_rows, heads_width);
  s.k = take(max_rows, kv_width);
  s.v = take(max_rows, kv_width);
  s.mlp = take(max_rows, config.intermediate_size);
  s.logit_input = take(max_logits, config.hidden_size);
  s.logits = take(max_logits, config.vocab_size);
  for (int64_t i = 0; i < ropes; ++i) {
    s.cos.push_back(take(max_rows, half));
    s.sin.push_back(take(max_rows, half));
  }
  s.attention_workspace = {take(1, attention).Row(0), static_cast<std::size_t>(attention)};
  return s;
}

}  // namespace lacuna
