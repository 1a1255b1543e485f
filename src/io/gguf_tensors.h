// The tensors of a GGUF file under the names that Hugging Face gives them, which the rest of the library knows.
//
// Arch llama turns neighbouring dimensions (2i, 2i + 1) by rope where Hugging Face turns (i, i + head_dim / 2), so its
// converter moved the rows of q and k (and their biases): within a head, row j * head_dim / 2 + i became row 2 i + j.
// Such a tensor has interleaved_heads = its number of heads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf.h"
#include "lacuna/status.h"

namespace lacuna {

// "blk.3.attn_q.weight" -> "model.layers.3.self_attn.q_proj.weight"; nullopt for a name that is not known.
// Architectures with norms behind the branches too (gemma3) are `sandwich`.
std::optional<std::string> GgufToHuggingFace(std::string_view name, bool sandwich = false);
// And back, for messages; the name itself if it has no counterpart.
std::string HuggingFaceToGguf(std::string_view name, bool sandwich = false);

// Row `row` of the Hugging Face tensor in a tensor of `rows` rows with this many interleaved heads (0: itself).
int64_t SourceRow(int64_t row, int64_t rows, int interleaved_heads);

// kInvalidInput for a file that is one part of several; only the first part has the model's metadata.
Status RefuseSplitGguf(const GgufReader& metadata);

// All weights of the model: `name` is Hugging Face's, Tensor::name stays the file's. kInvalidInput names a tensor that
// is not known, an architecture that is not supported, or a file that is one part of several.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};
Result<std::vector<NamedTensor>> GgufModelTensors(const GgufFile& file);

}  // namespace lacuna
