#include "model/tensor_list.h"

namespace lacuna {

std::vector<ModelTensor> ListTensors(const ModelConfig& c, bool head) {
  const TensorNames& names = *c.family->names;
  const int64_t hidden = c.hidden_size, mid = c.intermediate_size;
  const int64_t q = int64_t{c.num_heads} * c.head_dim, kv = int64_t{c.num_kv_heads} * c.head_dim;
  std::vector<ModelTensor> out;
  out.push_back({std::string(names.embedding) + ".weight", {c.vocab_size, hidden}, TensorRole::kEmbedding});
  for (int i = 0; i < c.num_layers; ++i) {
    const auto norm = [&](const char* module, int64_t n) {
      out.push_back({names.Layer(i, module), {n}, TensorRole::kNorm});
    };
    const auto linear = [&](const char* module, int64_t n, int64_t k, bool bias,
                            TensorRole role = TensorRole::kLinear) {
      out.push_back({names.Layer(i, module), {n, k}, role});
      if (bias) out.push_back({names.Layer(i, module, "bias"), {n}, TensorRole::kBias});
    };
    norm(names.input_norm, hidden);
    linear(names.q, q, hidden, c.qkv_bias);
    linear(names.k, kv, hidden, c.qkv_bias);
    linear(names.v, kv, hidden, c.qkv_bias);
    linear(names.o, hidden, q, c.o_bias, TensorRole::kAttentionOut);
    if (c.qk_norm) {
      norm(names.q_norm, c.head_dim);
      norm(names.k_norm, c.head_dim);
    }
    norm(names.post_norm, hidden);
    linear(names.gate, mid, hidden, c.mlp_bias);
    linear(names.up, mid, hidden, c.mlp_bias);
    linear(names.down, hidden, mid, c.mlp_bias, TensorRole::kDown);
  }
  out.push_back({std::string(names.final_norm) + ".weight", {hidden}, TensorRole::kNorm});
  if (head) out.push_back({std::string(names.head) + ".weight", {c.vocab_size, hidden}, TensorRole::kHead});
  return out;
}

}  // namespace lacuna
