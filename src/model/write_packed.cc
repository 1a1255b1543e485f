#include "model/write_packed.h"

#include <cstring>

#include "base/status_macros.h"
#include "io/file.h"
#include "io/gguf_tensors.h"
#include "model/model_texts.h"
#include "model/source_tensor.h"
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

// The source's tensor, of the shape that config.json asks for.
Result<Tensor> Get(const ModelFiles& files, const ModelTensor& entry) {
  LACUNA_ASSIGN_OR_RETURN(Tensor tensor, FindSource(files, entry));
  if (!IsWeightType(tensor.dtype) && !entry.matrix()) {
    return InvalidInput(files.Where(tensor) + " has type " + std::string(DTypeName(tensor.dtype)) +
                        ", expected F32, F16 or BF16");
  }
  return tensor;
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

Status CopySmallFiles(const std::string& source, const std::string& output) {
  for (const char* name : kSmallFiles) {
    if (KindOf(source) == FileKind::kDirectory && KindOf(JoinPath(source, name)) != FileKind::kRegular) continue;
    LACUNA_ASSIGN_OR_RETURN(const auto content, ReadModelText(source, name, kLargestSmallFile));
    if (content) LACUNA_RETURN_IF_ERROR(AtomicWrite(JoinPath(output, name), *content));
  }
  return {};
}

Status WritePackedModel(const PackedModelArgs& args, AppendMatrix append) {
  const ModelFiles& files = args.files;
  uint64_t header = 0, total = 0, done = 0;
  for (const ModelTensor& entry : args.tensors) {
    header += entry.matrix() ? PackedHeaderBytes(entry.name) : SafetensorsWriter::HeaderBytes(entry.name);
    if (entry.matrix()) {
      LACUNA_ASSIGN_OR_RETURN(const SourceMatrix matrix, FindMatrix(args.config, files, entry));
      total += static_cast<std::size_t>(matrix.n * RowBytes(matrix));
    } else {
      LACUNA_ASSIGN_OR_RETURN(const Tensor tensor, Get(files, entry));
      total += tensor.data.size();
    }
  }
  LACUNA_RETURN_IF_ERROR(CopySmallFiles(args.source, args.output));
  LACUNA_ASSIGN_OR_RETURN(const auto text, ReadModelText(args.source, "config.json", std::size_t{64} << 20));
  if (!text) return InvalidInput(args.source + ": config.json is gone");
  nlohmann::ordered_json json = nlohmann::ordered_json::parse(*text, nullptr, false);  // LoadConfig has read it
  json["quantization_config"] = ToJson(args.quantization);
  LACUNA_RETURN_IF_ERROR(AtomicWrite(JoinPath(args.output, "config.json"), json.dump(2) + "\n"));

  LACUNA_ASSIGN_OR_RETURN(
      SafetensorsWriter writer,
      SafetensorsWriter::CreateGrowing(JoinPath(args.output, "model.safetensors"), header, PackedMetadata()));
  // Matrices first: the vectors' sizes are not multiples of 64 always, and streams start at one.
  for (const bool matrices : {true, false}) {
    for (const ModelTensor& entry : args.tensors) {
      if (entry.matrix() != matrices) continue;
      if (args.cancelled && args.cancelled()) return Cancelled();
      if (matrices) {
        LACUNA_ASSIGN_OR_RETURN(const SourceMatrix matrix, FindMatrix(args.config, files, entry));
        LACUNA_RETURN_IF_ERROR(append(entry, matrix, &writer));
        const auto bytes = static_cast<std::size_t>(matrix.n * RowBytes(matrix));
        if (matrix.file != nullptr) matrix.file->DontNeed({matrix.data, bytes});
        done += bytes;
      } else {
        LACUNA_ASSIGN_OR_RETURN(const Tensor tensor, Get(files, entry));
        LACUNA_RETURN_IF_ERROR(writer.Declare({entry.name, tensor.dtype, entry.shape}));
        LACUNA_RETURN_IF_ERROR(writer.Append(VectorBytes(tensor)));
        done += tensor.data.size();
      }
      if (args.progress) args.progress(static_cast<double>(done) / static_cast<double>(total));
    }
  }
  return writer.Finish();
}

}  // namespace lacuna
