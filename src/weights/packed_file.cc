#include "weights/packed_file.h"

#include <algorithm>
#include <array>

#include "base/status_macros.h"
#include "lacuna/version.h"
#include "weights/quantization_config.h"

namespace lacuna {
namespace {

std::size_t Padded(std::size_t bytes) { return (bytes + 63) / 64 * 64 + kStreamTail; }

Status CheckMetadata(const ModelFiles& files, const Tensor& tensor) {
  const auto& metadata = files.files()[tensor.file].metadata();
  for (const auto& [key, ours] : PackedMetadata()) {
    const auto it = metadata.find(key);
    if (it == metadata.end() || it->second != ours) {
      return InvalidInput(files.files()[tensor.file].path() + ": its metadata say " + key + " " +
                          (it == metadata.end() ? "nowhere" : "\"" + it->second + "\"") + ", and this lacuna reads \"" +
                          ours + "\": pack the source model again");
    }
  }
  return {};
}

}  // namespace

std::map<std::string, std::string> PackedMetadata() {
  return {{kLayoutKey, std::to_string(kPackedLayoutVersion)}, {kContractKey, std::to_string(kNumericContractVersion)}};
}

std::string StreamTensorName(const std::string& parameter, Stream stream) {
  return parameter + ".lacuna." + StreamName(stream);
}

uint64_t PackedHeaderBytes(const std::string& parameter) {
  uint64_t bytes = 0;
  for (int s = 0; s < kStreams; ++s)
    bytes += SafetensorsWriter::HeaderBytes(StreamTensorName(parameter, static_cast<Stream>(s)));
  return bytes;
}

Status AppendPacked(const std::string& parameter, const PackedWeight& weight, SafetensorsWriter* writer) {
  static constexpr std::array<std::byte, 64 + kStreamTail> kZeros{};
  for (int s = 0; s < kStreams; ++s) {
    const auto stream = static_cast<Stream>(s);
    const auto bytes = weight.stream(stream);
    if (bytes.empty()) continue;
    const std::size_t padded = Padded(bytes.size());
    LACUNA_RETURN_IF_ERROR(
        writer->Declare({StreamTensorName(parameter, stream), DType::kU8, {static_cast<int64_t>(padded)}}));
    LACUNA_RETURN_IF_ERROR(writer->Append(bytes));
    LACUNA_RETURN_IF_ERROR(writer->Append(std::span(kZeros).first(padded - bytes.size())));
  }
  return {};
}

bool HasPacked(const ModelFiles& files, const std::string& parameter) {
  return files.Find(StreamTensorName(parameter, Stream::kValues)) != nullptr;
}

Result<PackedWeight> OpenPacked(const ModelFiles& files, const std::string& parameter, int64_t n, int64_t k,
                                const Codec& codec, std::vector<std::string>* used) {
  LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, DescribePacked(parameter, n, k, codec));
  LACUNA_RETURN_IF_ERROR(BindPacked(&weight));  // sizes
  const bool sized = StreamBytes(weight, Stream::kBases) == 0;
  // The values last: where nothing else fixes their size, the bases do.
  for (int s = kStreams - 1; s >= 0; --s) {
    const auto stream = static_cast<Stream>(s);
    const std::string name = StreamTensorName(parameter, stream);
    const Tensor* tensor = files.Find(name);
    std::size_t bytes = stream == Stream::kPerm ? (tensor != nullptr ? static_cast<std::size_t>(k) * 4 : 0)
                                                : StreamBytes(weight, stream);
    if (stream == Stream::kValues && !sized) {
      const auto* bases = reinterpret_cast<const uint64_t*>(weight.stream(Stream::kBases).data());
      bytes = std::max<uint64_t>(64, bases[weight.panels()]);
      if (bytes > (uint64_t{1} << 50)) bytes = 0;  // nonsense: no tensor has this size
    }
    if (bytes == 0 && tensor == nullptr) continue;
    LACUNA_ASSIGN_OR_RETURN(tensor, files.Get(name));
    LACUNA_RETURN_IF_ERROR(CheckMetadata(files, *tensor));
    if (tensor->dtype != DType::kU8 || tensor->shape.size() != 1 || bytes == 0 ||
        tensor->data.size() != Padded(bytes)) {
      return InvalidInput(
          files.Where(*tensor) + " is " + std::string(DTypeName(tensor->dtype)) + " " + ShapeText(tensor->shape) +
          (bytes == 0 ? ", which " + CodecName(codec) + " does not have"
                      : ", expected U8 [" + std::to_string(Padded(bytes)) + "] for " + CodecName(codec) + " of [" +
                            std::to_string(n) + ", " + std::to_string(k) + "]"));
    }
    if (reinterpret_cast<uintptr_t>(tensor->data.data()) % 64 != 0) {
      return InvalidInput(files.Where(*tensor) + " does not start at a multiple of 64 bytes in the file");
    }
    weight.stream(stream) = tensor->data.first(bytes);
    if (used != nullptr) used->push_back(name);
  }
  return weight;
}

}  // namespace lacuna
