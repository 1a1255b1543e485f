#include "io/safetensors_writer.h"

#include <string.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/status_macros.h"
#include "io/json.h"

namespace lacuna {
namespace {

constexpr size_t kDataAlignment = 64;

// Whole bytes of a tensor, or an error.
Result<uint64_t> SpecBytes(const TensorSpec& spec, const std::string& path) {
  uint64_t bits = static_cast<uint64_t>(DTypeBits(spec.dtype));
  // A zero first: then the other factors cannot overflow.
  if (std::find(spec.shape.begin(), spec.shape.end(), 0) != spec.shape.end()) bits = 0;
  for (const int64_t n : spec.shape)
    if (n < 0 || __builtin_mul_overflow(bits, static_cast<uint64_t>(n), &bits) || bits > INT64_MAX)
      return InvalidInput(path + ": tensor `" + spec.name + "` cannot have the shape " + ShapeText(spec.shape));
  if (bits % 8 != 0)
    return InvalidInput(path + ": tensor `" + spec.name + "` of shape " + ShapeText(spec.shape) + " and type " +
                        std::string(DTypeName(spec.dtype)) + " does not end at a whole byte");
  return bits / 8;
}

}  // namespace

Result<SafetensorsWriter> SafetensorsWriter::Create(const std::string& path, const std::vector<TensorSpec>& tensors,
                                                    const std::map<std::string, std::string>& metadata) {
  std::string header = "{";
  std::set<std::string_view> names;
  const auto separate = [&] {
    if (header.size() > 1) header += ',';
  };
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto& [key, value] : metadata) {
      if (header.back() != '{') header += ',';
      header += JsonQuote(key) + ":" + JsonQuote(value);
    }
    header += "}";
  }
  uint64_t offset = 0;
  for (const TensorSpec& spec : tensors) {
    if (!IsValidUtf8(spec.name) || spec.name == "__metadata__" || !names.insert(spec.name).second)
      return InvalidInput(path + ": " + JsonQuote(spec.name) + " cannot be a tensor's name, or is one twice");
    LACUNA_ASSIGN_OR_RETURN(const uint64_t bytes, SpecBytes(spec, path));
    separate();
    header += JsonQuote(spec.name) + ":{\"dtype\":\"" + std::string(DTypeName(spec.dtype)) + "\",\"shape\":[";
    for (size_t i = 0; i < spec.shape.size(); ++i) {
      if (i) header += ',';
      header += std::to_string(spec.shape[i]);
    }
    header += "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(offset + bytes) + "]}";
    offset += bytes;
  }
  header += '}';
  header.append((kDataAlignment - (8 + header.size()) % kDataAlignment) % kDataAlignment, ' ');

  SafetensorsWriter writer;
  writer.data_bytes_ = offset;
  LACUNA_ASSIGN_OR_RETURN(writer.file_, AtomicFile::Create(path));
  const uint64_t length = header.size();
  char raw[8];
  memcpy(raw, &length, 8);
  LACUNA_RETURN_IF_ERROR(writer.file_.Append(std::string_view(raw, 8)));
  LACUNA_RETURN_IF_ERROR(writer.file_.Append(header));
  return writer;
}

Status SafetensorsWriter::Append(std::span<const std::byte> data) {
  if (data.size() > data_bytes_ - written_)
    return InternalError(file_.path() + ": more data than the declared " + std::to_string(data_bytes_) + " bytes");
  LACUNA_RETURN_IF_ERROR(file_.Append(data));
  written_ += data.size();
  return {};
}

Status SafetensorsWriter::Finish() {
  if (written_ != data_bytes_)
    return InternalError(file_.path() + ": " + std::to_string(written_) + " of the declared " +
                         std::to_string(data_bytes_) + " bytes were written");
  return file_.Commit();
}

}  // namespace lacuna
