#include "tests/support/gguf_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "io/gguf_tensors.h"
#include "io/model_files.h"
#include "model/config.h"
#include "weights/convert.h"
#include "weights/source_rows.h"

namespace lacuna::testing {

uint32_t GgmlNumber(DType type) {
  for (uint32_t number = 0; number < 64; ++number)
    if (GgmlType(number) == type) return number;
  ADD_FAILURE() << DTypeName(type) << " has no number";
  return 0;
}

GgufText GgufMetadataOf(const std::string& folder) {
  GgufText text;
  const auto config = LoadConfig(folder);
  EXPECT_TRUE(config.ok()) << config.status().message();
  if (!config.ok()) return text;
  const bool gemma = config->model_type == "gemma3_text";
  const std::string arch = config->model_type == "mistral" ? "llama" : gemma ? "gemma3" : config->model_type;
  const auto key = [&](const char* name) { return arch + "." + name; };
  const auto u32 = [&](const char* name, int64_t value) { text.U32(key(name), static_cast<uint32_t>(value)); };
  text.String("general.architecture", arch).String("general.name", "a test");
  u32("context_length", config->max_position_embeddings);
  u32("embedding_length", config->hidden_size);
  u32("block_count", config->num_layers);
  u32("feed_forward_length", config->intermediate_size);
  u32("attention.head_count", config->num_heads);
  u32("attention.head_count_kv", config->num_kv_heads);
  u32("attention.key_length", config->head_dim);
  u32("attention.value_length", config->head_dim);
  u32("rope.dimension_count", config->head_dim);
  u32("vocab_size", config->vocab_size);
  text.F32(key("attention.layer_norm_rms_epsilon"), config->rms_norm_eps);
  if (config->layers.front().window > 0) u32("attention.sliding_window", config->layers.front().window);
  if (gemma) {  // every n-th layer sees everything, and has another rope than the first
    const auto full = std::find_if(config->layers.begin(), config->layers.end(), [](auto& l) { return l.window == 0; });
    u32("attention.sliding_window_pattern", full - config->layers.begin() + 1);
    const RopeConfig& local = config->ropes[static_cast<size_t>(config->layers.front().rope)];
    text.F32(key("rope.freq_base_swa"), static_cast<float>(local.theta));
  }
  const RopeConfig& rope = gemma ? config->ropes.back() : config->ropes.front();
  text.F32(key("rope.freq_base"), static_cast<float>(rope.theta));
  if (rope.type == RopeType::kLinear || rope.type == RopeType::kYarn) {
    text.String(key("rope.scaling.type"), rope.type == RopeType::kLinear ? "linear" : "yarn");
    text.F32(key("rope.scaling.factor"), static_cast<float>(rope.factor));
    if (rope.type == RopeType::kYarn)
      u32("rope.scaling.original_context_length", static_cast<int64_t>(rope.original_max_position_embeddings));
  }
  if (rope.type == RopeType::kLlama3) {
    // The converter's formula (Llama 3.1's rule for the factors).
    std::string factors;
    for (int i = 0; i < config->head_dim / 2; ++i) {
      const double wave = 2 * M_PI * std::pow(rope.theta, 2.0 * i / config->head_dim);
      const double original = rope.original_max_position_embeddings;
      const double smooth = (original / wave - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
      const double factor = wave < original / rope.high_freq_factor  ? 1
                            : wave > original / rope.low_freq_factor ? rope.factor
                                                                     : 1 / ((1 - smooth) / rope.factor + smooth);
      factors += GgufBytes(static_cast<float>(factor));
    }
    text.Tensor("rope_freqs.weight", {factors.size() / 4}, 0, factors);
  }
  return text;
}

std::string GgufOf(const std::string& folder, const std::function<void(GgufText&)>& more) {
  GgufText text = GgufMetadataOf(folder);
  if (more) more(text);
  const auto config = LoadConfig(folder);
  const auto files = ModelFiles::Open(folder);
  EXPECT_TRUE(files.ok()) << files.status().message();
  if (!config.ok() || !files.ok()) return "";
  const bool llama = config->model_type == "llama" || config->model_type == "mistral";
  const bool gemma = config->model_type == "gemma3_text";
  for (const auto& [name, tensor] : files->tensors()) {
    if (name.find("inv_freq") != std::string::npos) continue;
    const bool q = name.find(".q_proj.") != std::string::npos, k = name.find(".k_proj.") != std::string::npos;
    const int heads = !llama ? 0 : q ? config->num_heads : k ? config->num_kv_heads : 0;
    const int64_t rows = tensor.shape[0], columns = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
    const bool matrix = tensor.shape.size() > 1;
    const auto row_bytes = static_cast<std::size_t>(columns) * ElementBytes(ElementTypeOf(tensor.dtype));
    const std::size_t stored_bytes = matrix ? row_bytes : 4;
    std::string data(static_cast<std::size_t>(rows) * stored_bytes, '\0');
    for (int64_t row = 0; row < rows; ++row) {
      char* to = data.data() + static_cast<std::size_t>(SourceRow(row, rows, heads)) * stored_bytes;
      const std::byte* from = tensor.data.data() + static_cast<std::size_t>(row) * row_bytes;
      if (matrix) {
        std::memcpy(to, from, row_bytes);
        continue;
      }
      float value;
      ConvertToFloat(from, ElementTypeOf(tensor.dtype), 1, &value);
      if (gemma) value = 1.0f + value;
      std::memcpy(to, &value, 4);
    }
    std::vector<uint64_t> dimensions = {static_cast<uint64_t>(matrix ? columns : rows)};
    if (matrix) dimensions.push_back(static_cast<uint64_t>(rows));
    text.Tensor(HuggingFaceToGguf(name, gemma), dimensions, GgmlNumber(matrix ? tensor.dtype : DType::kF32), data);
  }
  return text.Text();
}

}  // namespace lacuna::testing
