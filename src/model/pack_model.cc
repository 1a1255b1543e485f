#include "model/pack_model.h"

#include <oneapi/tbb/task_arena.h>

#include <algorithm>

#include "base/status_macros.h"
#include "io/model_files.h"
#include "model/source_tensor.h"
#include "model/write_packed.h"
#include "threading/arena.h"
#include "weights/import.h"
#include "weights/pack.h"
#include "weights/packed_file.h"

namespace lacuna {
namespace {

bool Fits(const std::string& rule, const ModelTensor& tensor, bool head) {
  if (rule == "lm_head" && !head && tensor.role == TensorRole::kEmbedding) return true;
  return ("." + tensor.name + ".").find("." + rule + ".") != std::string::npos;
}

// What loading the files makes of each matrix: the codec of most of them, and rules for the others.
Status ChooseAsStored(const ModelConfig& config, const ModelFiles& files, const std::vector<ModelTensor>& tensors,
                      Codec* codec, std::vector<CodecRule>* rules) {
  std::vector<CodecRule> all;
  for (const ModelTensor& entry : tensors) {
    if (!entry.matrix()) continue;
    LACUNA_ASSIGN_OR_RETURN(const SourceMatrix matrix, FindMatrix(config, files, entry));
    all.emplace_back(entry.name, ImportCodec(matrix).value_or(Codec::kBf16));
  }
  *codec = Codec::kBf16;
  std::ptrdiff_t most = 0;
  for (const CodecRule& candidate : all) {
    const auto count =
        std::count_if(all.begin(), all.end(), [&](const CodecRule& other) { return other.second == candidate.second; });
    if (count > most) {
      most = count;
      *codec = candidate.second;
    }
  }
  rules->insert(rules->begin(), all.begin(), all.end());
  return {};
}

}  // namespace

Result<QuantizationConfig> ChooseCodecs(const std::vector<ModelTensor>& tensors, const Codec& codec,
                                        const std::vector<CodecRule>& rules) {
  const bool head = !tensors.empty() && tensors.back().role == TensorRole::kHead;
  QuantizationConfig config{.codec = codec};
  for (const auto& [name, rule] : rules) {
    bool fits = false;
    for (const ModelTensor& tensor : tensors) {
      if (!tensor.matrix() || !Fits(name, tensor, head)) continue;
      fits = true;
      config.parameters.insert_or_assign(tensor.name, rule);
    }
    if (!fits) {
      return InvalidInput("no matrix of the model is named " + name +
                          "; a name is a part between dots, as lm_head, embed_tokens, down_proj, layers.0");
    }
  }
  std::erase_if(config.parameters, [&](const auto& entry) { return entry.second == codec; });
  return config;
}

Status PackModel(const std::string& source, const std::string& output, const PackModelOptions& options) {
  LACUNA_ASSIGN_OR_RETURN(const ModelConfig config, LoadConfig(source));
  if (config.quantization) {
    return InvalidInput(source + ": is packed already, as " + CodecName(config.quantization->codec) +
                        "; pack the model it was made from");
  }
  LACUNA_ASSIGN_OR_RETURN(const ModelFiles files, ModelFiles::Open(source));
  const std::string head = std::string(config.family->names->head) + ".weight";
  const std::vector<ModelTensor> tensors =
      ListTensors(config, !config.tie_word_embeddings || files.Find(head) != nullptr);
  Codec codec = options.codec;
  std::vector<CodecRule> rules = options.keep;
  if (options.as_stored) LACUNA_RETURN_IF_ERROR(ChooseAsStored(config, files, tensors, &codec, &rules));
  LACUNA_ASSIGN_OR_RETURN(const QuantizationConfig quantization, ChooseCodecs(tensors, codec, rules));
  tbb::task_arena arena(ArenaThreadCount(options.threads > 0 ? options.threads : DefaultThreadCount()));
  return WritePackedModel(
      {.source = source,
       .output = output,
       .config = config,
       .files = files,
       .tensors = tensors,
       .quantization = quantization,
       .progress = options.progress,
       .cancelled = options.cancelled},
      [&](const ModelTensor& entry, const SourceMatrix& matrix, SafetensorsWriter* writer) -> Status {
        const Codec& to = quantization.Of(entry.name);
        const bool as_it_is = ImportCodec(matrix) == to;
        const Result<PackedWeight> packed =
            arena.execute([&] { return as_it_is ? ImportAsStored(matrix) : PackMatrix(matrix, to); });
        if (!packed.ok()) return packed.status();
        return AppendPacked(entry.name, *packed, writer);
      });
}

}  // namespace lacuna
