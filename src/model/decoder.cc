#include "model/decoder.h"

#include <algorithm>
#include <cstring>

#include "base/bf16.h"
#include "base/status_macros.h"
#include "kernels/ref/math.h"
#include "ops/linear.h"
#include "ops/rms_norm.h"
#include "ops/rope.h"

namespace lacuna {

Status Decoder::Forward(Pass& pass, const KvLayout& layout, DecoderScratch& s) const {
  const auto rows = static_cast<int64_t>(pass.rows.size());
  SetRope(pass, s);
  const View x = s.x.Rows(0, rows);  // the residual stream [rows][hidden]
  LACUNA_RETURN_IF_ERROR(Embedding(backend_, {.table = &weights_.embedding, .ids = pass.tokens, .y = x}));
  for (const LayerWeights& layer : weights_.layers) {
    LACUNA_RETURN_IF_ERROR(Attend(layer, pass, layout, s));
    LACUNA_RETURN_IF_ERROR(Mlp(layer, rows, s));
  }

  // Whatever was not finite on the way is still not finite in the residual stream.
  for (int64_t row = 0; row < rows; ++row) {
    const float* values = x.Row(row);
    for (int64_t i = 0; i < x.cols; ++i) {
      if ((FloatBits(values[i]) & 0x7f800000u) == 0x7f800000u) {
        return InvalidInput("the model's activations are not finite (NaN or infinity) at position " +
                            std::to_string(pass.rows[static_cast<std::size_t>(row)].position) +
                            ": its weights are outside the range it can compute with");
      }
    }
  }
  const auto wanted = static_cast<int64_t>(pass.logit_rows.size());
  if (wanted == 0) return {};
  for (int64_t i = 0; i < wanted; ++i) {
    std::memcpy(s.logit_input.Row(i), x.Row(pass.logit_rows[static_cast<std::size_t>(i)]),
                static_cast<std::size_t>(x.cols) * sizeof(float));
  }
  const View h = s.logit_input.Rows(0, wanted);
  LACUNA_RETURN_IF_ERROR(
      RmsNorm(backend_, {.x = h, .y = h, .weight = weights_.final_norm.data(), .eps = config_.rms_norm_eps}));
  const View logits[] = {s.logits.Rows(0, wanted)};
  return Linear(backend_, {.set = &weights_.lm_head, .x = h, .y = logits, .workspace = s.linear_workspace});
}

// x += o(attention(rope(q), rope(k), v)), q, k, v = qkv(norm(x))
Status Decoder::Attend(const LayerWeights& layer, Pass& pass, const KvLayout& layout, DecoderScratch& s) const {
  const auto rows = static_cast<int64_t>(pass.rows.size());
  const AttentionSpec& spec = layer.attention;
  const View x = s.x.Rows(0, rows);
  const View h = s.norm.Rows(0, rows);
  const View q = s.q.Rows(0, rows);  // [rows][heads * head_dim]
  const View k = s.k.Rows(0, rows);  // [rows][kv_heads * head_dim]
  const View v = s.v.Rows(0, rows);
  const View y = s.attention.Rows(0, rows);
  const float eps = config_.rms_norm_eps;

  LACUNA_RETURN_IF_ERROR(RmsNorm(backend_, {.x = x, .y = h, .weight = layer.attention_norm.data(), .eps = eps}));
  const View qkv[] = {q, k, v};
  LACUNA_RETURN_IF_ERROR(Linear(backend_, {.set = &layer.qkv, .x = h, .y = qkv, .workspace = s.linear_workspace}));
  if (!layer.q_norm.empty()) {
    LACUNA_RETURN_IF_ERROR(RmsNorm(
        backend_, {.x = q, .y = q, .weight = layer.q_norm.data(), .eps = eps, .groups = config_.num_heads}));
    LACUNA_RETURN_IF_ERROR(RmsNorm(
        backend_, {.x = k, .y = k, .weight = layer.k_norm.data(), .eps = eps, .groups = config_.num_kv_heads}));
  }
  const auto table = static_cast<std::size_t>(spec.rope);
  const View cos = s.cos[table].Rows(0, rows);
  const View sin = s.sin[table].Rows(0, rows);
  const int d = config_.head_dim;
  LACUNA_RETURN_IF_ERROR(Rope(backend_, {.x = q, .heads = config_.num_heads, .head_dim = d, .cos = cos, .sin = sin}));
  LACUNA_RETURN_IF_ERROR(
      Rope(backend_, {.x = k, .heads = config_.num_kv_heads, .head_dim = d, .cos = cos, .sin = sin}));

  pass.Select(spec.kv_stream);
  LACUNA_RETURN_IF_ERROR(
      KvWrite(backend_, {.layout = layout, .k = k, .v = v, .copies = pass.copies, .targets = pass.targets}));
  if (pass.tree != nullptr) pass.tree->Keep(spec.kv_stream, k, v);
  LACUNA_RETURN_IF_ERROR(Attention(backend_, {.layout = layout,
                                              .q = q,
                                              .y = y,
                                              .rows = pass.attention,
                                              .heads = config_.num_heads,
                                              .scale = spec.scale,
                                              .window = spec.window,
                                              .workspace = s.attention_workspace}));
  const View out[] = {x};
  return Linear(backend_, {.set = &layer.o,
                           .x = y,
                           .y = out,
                           .epilogue = LinearEpilogue::kResidual,
                           .workspace = s.linear_workspace});
}

// x += down(silu(gate(h)) * up(h)), h = norm(x)
Status Decoder::Mlp(const LayerWeights& layer, int64_t rows, DecoderScratch& s) const {
  const View x = s.x.Rows(0, rows);
  const View h = s.norm.Rows(0, rows);
  const View m = s.mlp.Rows(0, rows);  // [rows][intermediate]
  LACUNA_RETURN_IF_ERROR(
      RmsNorm(backend_, {.x = x, .y = h, .weight = layer.mlp_norm.data(), .eps = config_.rms_norm_eps}));
  const View gated[] = {m};
  LACUNA_RETURN_IF_ERROR(Linear(backend_, {.set = &layer.gate_up,
                                           .x = h,
                                           .y = gated,
                                           .epilogue = LinearEpilogue::kSiluMul,
                                           .workspace = s.linear_workspace}));
  const View out[] = {x};
  return Linear(backend_, {.set = &layer.down,
                           .x = m,
                           .y = out,
                           .epilogue = LinearEpilogue::kResidual,
                           .workspace = s.linear_workspace});
}

void Decoder::SetRope(const Pass& pass, DecoderScratch& s) const {
  for (std::size_t table = 0; table < weights_.ropes.size(); ++table) {
    const RopeTable& rope = weights_.ropes[table];
    for (std::size_t row = 0; row < pass.rows.size(); ++row) {
      float* cos = s.cos[table].Row(static_cast<int64_t>(row));
      float* sin = s.sin[table].Row(static_cast<int64_t>(row));
      // The angle in float32, as the models were trained.
      const auto position = static_cast<float>(pass.rows[row].position);
      for (std::size_t i = 0; i < rope.inv_freq.size(); ++i) {
        kernels::RefSinCos(position * rope.inv_freq[i], &sin[i], &cos[i]);
        sin[i] *= rope.scale;
        cos[i] *= rope.scale;
      }
    }
  }
}

}  // namespace lacuna
