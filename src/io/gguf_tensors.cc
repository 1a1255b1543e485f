#include "io/gguf_tensors.h"

#include <span>

#include "base/status_macros.h"

namespace lacuna {
namespace {

struct Pair {
  std::string_view gguf, hugging_face;
};
constexpr Pair kTop[] = {{"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};
constexpr Pair kLayer[] = {
    {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},      {"attn_output", "self_attn.o_proj"}, {"attn_q_norm", "self_attn.q_norm"},
    {"attn_k_norm", "self_attn.k_norm"}, {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};
constexpr Pair kPreNorms[] = {{"ffn_norm", "post_attention_layernorm"}};
constexpr Pair kSandwichNorms[] = {{"post_attention_norm", "post_attention_layernorm"},
                                   {"ffn_norm", "pre_feedforward_layernorm"},
                                   {"post_ffw_norm", "post_feedforward_layernorm"}};
constexpr std::string_view kGgufLayers = "blk.", kLayers = "model.layers.";

// The name with its last part (weight, bias), its layer and its module replaced.
template <typename From, typename To>
std::optional<std::string> Translate(std::string_view name, bool sandwich, std::string_view from_layers,
                                     std::string_view to_layers, From from, To to) {
  const size_t dot = name.rfind('.');
  if (dot == name.npos) return std::nullopt;
  const std::string_view parameter = name.substr(dot);
  if (parameter != ".weight" && parameter != ".bias") return std::nullopt;
  std::string_view stem = name.substr(0, dot);
  for (const Pair& pair : kTop)
    if (stem == from(pair)) return std::string(to(pair)).append(parameter);
  if (!stem.starts_with(from_layers)) return std::nullopt;
  stem.remove_prefix(from_layers.size());
  const size_t end = stem.find('.');
  if (end == 0 || end == stem.npos || stem.find_first_not_of("0123456789") != end) return std::nullopt;
  for (const std::span<const Pair> pairs :
       {std::span<const Pair>(kLayer), sandwich ? std::span<const Pair>(kSandwichNorms) : kPreNorms}) {
    for (const Pair& pair : pairs)
      if (stem.substr(end + 1) == from(pair))
        return std::string(to_layers).append(stem.substr(0, end + 1)).append(to(pair)).append(parameter);
  }
  return std::nullopt;
}

constexpr auto kGguf = [](const Pair& pair) { return pair.gguf; };
constexpr auto kHuggingFace = [](const Pair& pair) { return pair.hugging_face; };

}  // namespace

std::optional<std::string> GgufToHuggingFace(std::string_view name, bool sandwich) {
  return Translate(name, sandwich, kGgufLayers, kLayers, kGguf, kHuggingFace);
}

std::string HuggingFaceToGguf(std::string_view name, bool sandwich) {
  return Translate(name, sandwich, kLayers, kGgufLayers, kHuggingFace, kGguf).value_or(std::string(name));
}

int64_t SourceRow(int64_t row, int64_t rows, int interleaved_heads) {
  if (interleaved_heads == 0) return row;
  const int64_t head_dim = rows / interleaved_heads, half = head_dim / 2;
  const int64_t inside = row % head_dim;
  return row - inside + 2 * (inside % half) + inside / half;
}

Status RefuseSplitGguf(const GgufReader& metadata) {
  LACUNA_ASSIGN_OR_RETURN(const std::optional<int64_t> parts, metadata.Int("split.count", 0, INT32_MAX));
  if (parts.value_or(1) <= 1) return {};
  return metadata.Error("split.count", "is " + std::to_string(*parts) +
                                           "; a model in several GGUF files is not supported: join them to one");
}

Result<std::vector<NamedTensor>> GgufModelTensors(const GgufFile& file) {
  const GgufReader metadata = file.metadata();
  LACUNA_RETURN_IF_ERROR(RefuseSplitGguf(metadata));
  LACUNA_ASSIGN_OR_RETURN(const std::optional<std::string> arch, metadata.String("general.architecture"));
  if (!arch) return metadata.Missing("general.architecture");
  int heads = 0, kv_heads = 0;
  if (*arch == "llama") {
    LACUNA_ASSIGN_OR_RETURN(const auto q, metadata.IntForAllLayers("llama.attention.head_count", 1, 1 << 16));
    LACUNA_ASSIGN_OR_RETURN(const auto kv, metadata.IntForAllLayers("llama.attention.head_count_kv", 1, 1 << 16));
    if (!q) return metadata.Missing("llama.attention.head_count");
    heads = static_cast<int>(*q);
    kv_heads = static_cast<int>(kv.value_or(*q));
  }
  std::vector<NamedTensor> out;
  for (const Tensor& tensor : file.tensors()) {
    if (tensor.name == "rope_freqs.weight") continue;  // becomes a part of the configuration
    std::optional<std::string> name = GgufToHuggingFace(tensor.name, *arch == "gemma3");
    if (!name)
      return InvalidInput(file.path() + ": tensor `" + tensor.name.substr(0, 100) + "` is not known for architecture " +
                          *arch + "; a model that needs it is not supported");
    NamedTensor named{std::move(*name), tensor};
    const bool q = named.name.find(".q_proj.") != std::string::npos;
    const int interleaved = q ? heads : named.name.find(".k_proj.") != std::string::npos ? kv_heads : 0;
    if (interleaved > 0) {
      if (tensor.shape[0] % (2 * interleaved) != 0)
        return InvalidInput(file.path() + ": tensor `" + tensor.name + "` has " + std::to_string(tensor.shape[0]) +
                            " rows; they must be an even number for each of " + std::to_string(interleaved) + " heads");
      named.tensor.interleaved_heads = interleaved;
    }
    out.push_back(std::move(named));
  }
  return out;
}

}  // namespace lacuna
