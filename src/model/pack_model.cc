#include "model/pack_model.h"

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <cstring>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/gguf_tensors.h"
#include "io/model_files.h"
#include "io/safetensors_writer.h"
#include "model/model_texts.h"
#include "model/source_tensor.h"
#include "threading/arena.h"
#include "weights/import.h"
#include "weights/pack.h"
#include "weights/packed_file.h"
#include "weights/source_rows.h"

namespace lacuna {
namespace {

// What belongs to a model besides config.json and its tensors.
constexpr const char* kSmallFiles[] = {"generation_config.json",
                                       "tokenizer.json",
                                       "tokenizer_config.json",
                                       "special_tokens_map.json",
                                       "added_tokens.json",
                                       "vocab.json",
                                       "merges.txt",
                                       "tokenizer.model",
                                       "chat_template.jinja",
                                       "chat_template.json",
                                       "LICENSE",
                                       "LICENSE.txt",
                                       "NOTICE"};
constexpr std::size_t kLargestSmallFile = std::size_t{256} << 20;

Status CopySmallFiles(const std::string& source, const std::string& output) {
  for (const char* name : kSmallFiles) {
    if (KindOf(source) == FileKind::kDirectory && KindOf(JoinPath(source, name)) != FileKind::kRegular) continue;
    LACUNA_ASSIGN_OR_RETURN(const auto content, ReadModelText(source, name, kLargestSmallFile));
    if (content) LACUNA_RETURN_IF_ERROR(AtomicWrite(JoinPath(output, name), *content));
  }
  return {};
}

bool Fits(const std::string& rule, const ModelTensor& tensor, bool head) {
  if (rule == "lm_head" && !head && tensor.role == TensorRole::kEmbedding) return true;
  return ("." + tensor.name + ".").find("." + rule + ".") != std::string::npos;
}

// The source's tensor, of the shape that config.json asks for.
Result<Tensor> Get(const ModelFiles& files, const ModelTensor& entry) {
  LACUNA_ASSIGN_OR_RETURN(Tensor tensor, FindSource(files, entry));
  if (!IsWeightType(tensor.dtype) && !entry.matrix()) {
    return InvalidInput(files.Where(tensor) + " has type " + std::string(DTypeName(tensor.dtype)) +
                        ", expected F32, F16 or BF16");
  }
  return tensor;
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

// A vector's bytes in Hugging Face's order.
std::vector<std::byte> VectorBytes(const Tensor& tensor) {
  std::vector<std::byte> out(tensor.data.size());
  const auto element = static_cast<std::size_t>(DTypeBlock(tensor.dtype).bytes);
  for (int64_t i = 0; i < tensor.shape[0]; ++i) {
    const auto from = static_cast<std::size_t>(SourceRow(i, tensor.shape[0], tensor.interleaved_heads));
    std::memcpy(out.data() + static_cast<std::size_t>(i) * element, tensor.data.data() + from * element, element);
  }
  return out;
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
  uint64_t header = 0, total = 0, done = 0;
  for (const ModelTensor& entry : tensors) {
    header += entry.matrix() ? PackedHeaderBytes(entry.name) : SafetensorsWriter::HeaderBytes(entry.name);
    if (entry.matrix()) {
      LACUNA_ASSIGN_OR_RETURN(const SourceMatrix matrix, FindMatrix(config, files, entry));
      total += static_cast<std::size_t>(matrix.n * RowBytes(matrix));
    } else {
      LACUNA_ASSIGN_OR_RETURN(const Tensor tensor, Get(files, entry));
      total += tensor.data.size();
    }
  }
  LACUNA_RETURN_IF_ERROR(CopySmallFiles(source, output));
  LACUNA_ASSIGN_OR_RETURN(const auto text, ReadModelText(source, "config.json", std::size_t{64} << 20));
  if (!text) return InvalidInput(source + ": config.json is gone");
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(*text, nullptr, false);  // LoadConfig has read it
  json["quantization_config"] = ToJson(quantization);
  LACUNA_RETURN_IF_ERROR(AtomicWrite(JoinPath(output, "config.json"), json.dump(2) + "\n"));

  LACUNA_ASSIGN_OR_RETURN(
      SafetensorsWriter writer,
      SafetensorsWriter::CreateGrowing(JoinPath(output, "model.safetensors"), header, PackedMetadata()));
  tbb::task_arena arena(ArenaThreadCount(options.threads > 0 ? options.threads : DefaultThreadCount()));
  // Matrices first: the vectors' sizes are not multiples of 64 always, and streams start at one.
  for (const bool matrices : {true, false}) {
    for (const ModelTensor& entry : tensors) {
      if (entry.matrix() != matrices) continue;
      if (options.cancelled && options.cancelled()) return Cancelled();
      if (matrices) {
        LACUNA_ASSIGN_OR_RETURN(const SourceMatrix matrix, FindMatrix(config, files, entry));
        const Codec& to = quantization.Of(entry.name);
        const bool as_it_is = ImportCodec(matrix) == to;
        const Result<PackedWeight> packed =
            arena.execute([&] { return as_it_is ? ImportAsStored(matrix) : PackMatrix(matrix, to); });
        if (!packed.ok()) return packed.status();
        LACUNA_RETURN_IF_ERROR(AppendPacked(entry.name, *packed, &writer));
        const auto bytes = static_cast<std::size_t>(matrix.n * RowBytes(matrix));
        if (matrix.file != nullptr) matrix.file->DontNeed({matrix.data, bytes});
        done += bytes;
      } else {
        LACUNA_ASSIGN_OR_RETURN(const Tensor tensor, Get(files, entry));
        LACUNA_RETURN_IF_ERROR(writer.Declare({entry.name, tensor.dtype, entry.shape}));
        LACUNA_RETURN_IF_ERROR(writer.Append(VectorBytes(tensor)));
        done += tensor.data.size();
      }
      if (options.progress) options.progress(static_cast<double>(done) / static_cast<double>(total));
    }
  }
  return writer.Finish();
}

}  // namespace lacuna
