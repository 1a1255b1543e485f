#include "io/safetensors_writer.h"

#include <string.h>

#include <algorithm>
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

std::string Opening(const std::map<std::string, std::string>& metadata) {
  std::string header = "{";
  if (metadata.empty()) return header;
  header += "\"__metadata__\":{";
  for (const auto& [key, value] : metadata) {
    if (header.back() != '{') header += ',';
    header += JsonQuote(key) + ":" + JsonQuote(value);
  }
  return header + "}";
}

// Of a header that `room` bytes are left for (0: as many as it takes), with its length before it.
std::string Closing(std::string header, uint64_t room) {
  header += '}';
  const uint64_t end = room > 0 ? room : (8 + header.size() + kDataAlignment - 1) / kDataAlignment * kDataAlignment - 8;
  header.resize(end, ' ');
  std::string raw(8, '\0');
  memcpy(raw.data(), &end, 8);
  return raw + header;
}

}  // namespace

Status SafetensorsWriter::Declare(const TensorSpec& spec) {
  const std::string& path = file_.path();
  if (!IsValidUtf8(spec.name) || spec.name == "__metadata__" || !names_.insert(spec.name).second)
    return InvalidInput(path + ": " + JsonQuote(spec.name) + " cannot be a tensor's name, or is one twice");
  LACUNA_ASSIGN_OR_RETURN(const uint64_t bytes, SpecBytes(spec, path));
  if (header_.size() > 1) header_ += ',';
  header_ += JsonQuote(spec.name) + ":{\"dtype\":\"" + std::string(DTypeName(spec.dtype)) + "\",\"shape\":[";
  for (size_t i = 0; i < spec.shape.size(); ++i) {
    if (i) header_ += ',';
    header_ += std::to_string(spec.shape[i]);
  }
  header_ += "],\"data_offsets\":[" + std::to_string(data_bytes_) + "," + std::to_string(data_bytes_ + bytes) + "]}";
  data_bytes_ += bytes;
  return {};
}

Result<SafetensorsWriter> SafetensorsWriter::Create(const std::string& path, const std::vector<TensorSpec>& tensors,
                                                    const std::map<std::string, std::string>& metadata) {
  SafetensorsWriter writer;
  LACUNA_ASSIGN_OR_RETURN(writer.file_, AtomicFile::Create(path));
  writer.header_ = Opening(metadata);
  for (const TensorSpec& spec : tensors) LACUNA_RETURN_IF_ERROR(writer.Declare(spec));
  LACUNA_RETURN_IF_ERROR(writer.file_.Append(Closing(std::move(writer.header_), 0)));
  return writer;
}

Result<SafetensorsWriter> SafetensorsWriter::CreateGrowing(const std::string& path, uint64_t header_bytes,
                                                           const std::map<std::string, std::string>& metadata) {
  SafetensorsWriter writer;
  LACUNA_ASSIGN_OR_RETURN(writer.file_, AtomicFile::Create(path));
  writer.header_ = Opening(metadata);
  const uint64_t least = 8 + writer.header_.size() + 1 + header_bytes;
  writer.room_ = (least + kDataAlignment - 1) / kDataAlignment * kDataAlignment - 8;
  LACUNA_RETURN_IF_ERROR(writer.file_.Append(std::string(8 + writer.room_, ' ')));
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
  if (room_ > 0) {
    if (header_.size() + 1 > room_)
      return InternalError(file_.path() + ": the header takes more than the " + std::to_string(room_) +
                           " bytes left for it");
    LACUNA_RETURN_IF_ERROR(file_.WriteAt(0, Closing(std::move(header_), room_)));
  }
  return file_.Commit();
}

}  // namespace lacuna
