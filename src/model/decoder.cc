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
  LACUNA_RETURN_IF_ERROR(Embedding(
      backend_, {.table = &weights_.embedding, .ids = pass.tokens, .scale = weights_.embedding_scale, .y = x}));
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

// x += norm(o(attention(rope(norm(q)), rope(norm(k)), v))), q, k, v = qkv(norm(x)): each norm where the family has it
Status Decoder::Attend(const LayerWeights& layer, Pass& pass, const KvLayout& layout, DecoderScratch& s) const {
  const auto rows = static_cast<int64_t>(pass.rows.size());
  LACUNA_ASSIGN_OR_RETURN(const View in, QkvInput(layer, rows, s));
  LACUNA_RETURN_IF_ERROR(Heads(layer, in, pass, layout, s));
  return AttentionOut(layer, rows, s);
}

Result<View> Decoder::QkvInput(const LayerWeights& layer, int64_t rows, DecoderScratch& s) const {
  return Normed(layer.attention_norm, s.x.Rows(0, rows), s.norm.Rows(0, rows));
}

Status Decoder::Heads(const LayerWeights& layer, const View& in, Pass& pass, const KvLayout& layout,
                      DecoderScratch& s) const {
  const auto rows = static_cast<int64_t>(pass.rows.size());
  const AttentionSpec& spec = layer.attention;
  const View q = s.q.Rows(0, rows);  // [rows][heads * head_dim]
  const View k = s.k.Rows(0, rows);  // [rows][kv_heads * head_dim]
  const View v = s.v.Rows(0, rows);
  const float eps = config_.rms_norm_eps;

  const View qkv[] = {q, k, v};
  LACUNA_RETURN_IF_ERROR(Linear(backend_, {.set = &layer.qkv, .x = in, .y = qkv, .workspace = s.linear_workspace}));
  if (!layer.q_norm.empty()) {
    const auto groups = [](const View& v, const std::vector<float>& norm) {  // the heads, or one of them all
      return static_cast<int>(v.cols / static_cast<int64_t>(norm.size()));
    };
    LACUNA_RETURN_IF_ERROR(RmsNorm(
        backend_, {.x = q, .y = q, .weight = layer.q_norm.data(), .eps = eps, .groups = groups(q, layer.q_norm)}));
    LACUNA_RETURN_IF_ERROR(RmsNorm(
        backend_, {.x = k, .y = k, .weight = layer.k_norm.data(), .eps = eps, .groups = groups(k, layer.k_norm)}));
  }
  if (spec.rope >= 0) {
    const auto table = static_cast<std::size_t>(spec.rope);
    const View cos = s.cos[table].Rows(0, rows);
    const View sin = s.sin[table].Rows(0, rows);
    const int d = config_.head_dim;
    LACUNA_RETURN_IF_ERROR(Rope(backend_, {.x = q, .heads = config_.num_heads, .head_dim = d, .cos = cos, .sin = sin}));
    LACUNA_RETURN_IF_ERROR(
        Rope(backend_, {.x = k, .heads = config_.num_kv_heads, .head_dim = d, .cos = cos, .sin = sin}));
  }

  pass.Select(spec.kv_stream);
  LACUNA_RETURN_IF_ERROR(
      KvWrite(backend_, {.layout = layout, .k = k, .v = v, .copies = pass.copies, .targets = pass.targets}));
  if (pass.tree != nullptr) pass.tree->Keep(spec.kv_stream, k, v);
  return Attention(backend_, {.layout = layout,
                              .q = q,
                              .y = s.attention.Rows(0, rows),
                              .rows = pass.attention,
                              .heads = config_.num_heads,
                              .scale = spec.scale,
                              .window = spec.window,
                              .workspace = s.attention_workspace});
}

Status Decoder::AttentionOut(const LayerWeights& layer, int64_t rows, DecoderScratch& s) const {
  return AddBranch(layer.o, s.attention.Rows(0, rows), layer.attention_out_norm, s.x.Rows(0, rows),
                   s.norm.Rows(0, rows), s);
}

// x += norm(down(act(gate(h)) * up(h))), h = norm(x)
Status Decoder::Mlp(const LayerWeights& layer, int64_t rows, DecoderScratch& s) const {
  LACUNA_ASSIGN_OR_RETURN(const View in, MlpInput(layer, rows, s));
  LACUNA_RETURN_IF_ERROR(Gated(layer, in, rows, s));
  return MlpOut(layer, rows, s);
}

Result<View> Decoder::MlpInput(const LayerWeights& layer, int64_t rows, DecoderScratch& s) const {
  return Normed(layer.mlp_norm, s.x.Rows(0, rows), s.norm.Rows(0, rows));
}

Status Decoder::Gated(const LayerWeights& layer, const View& in, int64_t rows, DecoderScratch& s) const {
  const View gated[] = {s.mlp.Rows(0, rows)};  // [rows][intermediate]
  const bool gelu = config_.activation == Activation::kGeluTanh;
  return Linear(backend_, {.set = &layer.gate_up,
                           .x = in,
                           .y = gated,
                           .epilogue = gelu ? LinearEpilogue::kGeluMul : LinearEpilogue::kSiluMul,
                           .workspace = s.linear_workspace});
}

Status Decoder::MlpOut(const LayerWeights& layer, int64_t rows, DecoderScratch& s) const {
  return AddBranch(layer.down, s.mlp.Rows(0, rows), layer.mlp_out_norm, s.x.Rows(0, rows), s.norm.Rows(0, rows), s);
}

Result<View> Decoder::Normed(const std::vector<float>& norm, const View& x, const View& h) const {
  if (norm.empty()) return x;
  LACUNA_RETURN_IF_ERROR(RmsNorm(backend_, {.x = x, .y = h, .weight = norm.data(), .eps = config_.rms_norm_eps}));
  return h;
}

Status Decoder::AddBranch(const LinearSet& set, const View& y, const std::vector<float>& norm, const View& x,
                          const View& h, DecoderScratch& s) const {
  const View out[] = {norm.empty() ? x : h};
  LACUNA_RETURN_IF_ERROR(
      Linear(backend_, {.set = &set,
                        .x = y,
                        .y = out,
                        .epilogue = norm.empty() ? LinearEpilogue::kResidual : LinearEpilogue::kStore,
                        .workspace = s.linear_workspace}));
  if (norm.empty()) return {};
  return RmsNorm(backend_, {.x = h, .y = x, .weight = norm.data(), .eps = config_.rms_norm_eps, .plus_residual = true});
}

void Decoder::SetRope(const Pass& pass, DecoderScratch& s) const {
  for (std::size_t table = 0; table < weights_.ropes.size(); ++table) {
    const RopeTable& rope = weights_.ropes[table];
    const std::vector<float>& inv_freq = rope.Frequencies(s.context);
    for (std::size_t row = 0; row < pass.rows.size(); ++row) {
      float* cos = s.cos[table].Row(static_cast<int64_t>(row));
      float* sin = s.sin[table].Row(static_cast<int64_t>(row));
      // The angle in float32, as the models were trained.
      const auto position = static_cast<float>(pass.rows[row].position);
      for (std::size_t i = 0; i < inv_freq.size(); ++i) {
        kernels::RefSinCos(position * inv_freq[i], &sin[i], &cos[i]);
        sin[i] *= rope.scale;
        cos[i] *= rope.scale;
      }
    }
  }
}

}  // namespace lacuna
