#include "model/tensor_list.h"

namespace lacuna {

FusedRows FindFused(const ModelConfig& c, int layer, const char* module) {
  const TensorNames& names = *c.family->names;
  const int64_t q = int64_t{c.num_heads} * c.head_dim, kv = int64_t{c.num_kv_heads} * c.head_dim;
  const int64_t mid = c.intermediate_size;
  const struct {
    const char* module;
    const char* fused;
    int64_t rows, first;
  } parts[] = {{names.q, names.fused_qkv, q + 2 * kv, 0},
               {names.k, names.fused_qkv, q + 2 * kv, q},
               {names.v, names.fused_qkv, q + 2 * kv, q + kv},
               {names.gate, names.fused_gate_up, 2 * mid, 0},
               {names.up, names.fused_gate_up, 2 * mid, mid}};
  for (const auto& part : parts)
    if (part.module == module && part.fused != nullptr) return {names.Layer(layer, part.fused), part.rows, part.first};
  return {};
}

std::vector<ModelTensor> ListTensors(const ModelConfig& c, bool head) {
  const TensorNames& names = *c.family->names;
  const int64_t hidden = c.hidden_size, mid = c.intermediate_size;
  const int64_t q = int64_t{c.num_heads} * c.head_dim, kv = int64_t{c.num_kv_heads} * c.head_dim;
  std::vector<ModelTensor> out;
  out.push_back({std::string(names.embedding) + ".weight", {c.vocab_size, hidden}, TensorRole::kEmbedding});
  for (int i = 0; i < c.num_layers; ++i) {
    const auto norm = [&](const char* module, int64_t n) {
      if (module != nullptr) out.push_back({names.Layer(i, module), {n}, TensorRole::kNorm});
    };
    const auto linear = [&](const char* module, int64_t n, int64_t k, bool bias,
                            TensorRole role = TensorRole::kLinear) {
      out.push_back({names.Layer(i, module), {n, k}, role, FindFused(c, i, module)});
      if (bias) out.push_back({names.Layer(i, module, "bias"), {n}, TensorRole::kBias});
    };
    norm(names.attention_norm, hidden);
    linear(names.q, q, hidden, c.qkv_bias);
    linear(names.k, kv, hidden, c.qkv_bias);
    linear(names.v, kv, hidden, c.qkv_bias);
    linear(names.o, hidden, q, c.o_bias, TensorRole::kAttentionOut);
    if (c.qk_norm != QkNorm::kNone) {
      norm(names.q_norm, c.qk_norm == QkNorm::kHead ? c.head_dim : q);
      norm(names.k_norm, c.qk_norm == QkNorm::kHead ? c.head_dim : kv);
    }
    norm(names.attention_out_norm, hidden);
    norm(names.mlp_norm, hidden);
    linear(names.gate, mid, hidden, c.mlp_bias);
    linear(names.up, mid, hidden, c.mlp_bias);
    linear(names.down, hidden, mid, c.mlp_bias, TensorRole::kDown);
    norm(names.mlp_out_norm, hidden);
  }
  out.push_back({std::string(names.final_norm) + ".weight", {hidden}, TensorRole::kNorm});
  if (head) out.push_back({std::string(names.head) + ".weight", {c.vocab_size, hidden}, TensorRole::kHead});
  return out;
}

std::vector<ModelTensor> AsStored(const std::vector<ModelTensor>& tensors) {
  std::vector<ModelTensor> out;
  for (const ModelTensor& tensor : tensors) {
    if (tensor.fused.name.empty()) {
      out.push_back(tensor);
    } else if (tensor.fused.first == 0) {
      out.push_back({tensor.fused.name, {tensor.fused.rows, tensor.shape[1]}, tensor.role});
    }
  }
  return out;
}

}  // namespace lacuna
