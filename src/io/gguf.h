// GGUF files (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), versions 2 and 3, little-endian.
//   "GGUF" | u32 version | u64 tensors | u64 metadata entries
//   entry:  string key | u32 type | value;   string: u64 bytes | UTF-8;   array: u32 element type | u64 count |
//   elements tensor: string name | u32 dimensions | u64 each, the innermost first | u32 ggml type | u64 offset into the
//   data padding to general.alignment (32) | data, each tensor at a multiple of the alignment
// Everything is checked when a file is opened: counts against the bytes that are left, sizes, offsets, types. Metadata
// and tensors point into the file's mapping.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "io/safetensors.h"
#include "lacuna/status.h"

namespace lacuna {

// The numbers in the files.
enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

// A metadata value: a scalar, a string, or an array of either. Arrays of arrays are refused.
struct GgufValue {
  GgufType type = GgufType::kU8;       // kArray: of `element`
  GgufType element = GgufType::kU8;    // the type itself for scalars
  uint64_t count = 1;                  // of elements
  std::span<const std::byte> bytes;    // of numbers, unaligned
  std::vector<std::string_view> text;  // of strings

  bool array() const { return type == GgufType::kArray; }
  // Element i, below count; nullopt if it is no integer (that fits), number, bool or string.
  std::optional<int64_t> Int(uint64_t i = 0) const;
  std::optional<double> Number(uint64_t i = 0) const;  // integers count
  std::optional<bool> Bool(uint64_t i = 0) const;
  std::optional<std::string_view> String(uint64_t i = 0) const;
};

using GgufMetadata = std::map<std::string, GgufValue, std::less<>>;

// Typed access with errors that name the file and the key. A key that is absent is nullopt; one of the wrong type, or
// out of range, is kInvalidInput.
class GgufReader {
 public:
  GgufReader(std::string file, const GgufMetadata& metadata) : file_(std::move(file)), metadata_(&metadata) {}

  const GgufValue* Find(std::string_view key) const;
  bool Has(std::string_view key) const { return Find(key) != nullptr; }
  Result<std::optional<int64_t>> Int(std::string_view key, int64_t min, int64_t max) const;
  Result<std::optional<double>> Number(std::string_view key, double min, double max) const;
  Result<std::optional<bool>> Bool(std::string_view key) const;
  Result<std::optional<std::string>> String(std::string_view key) const;
  // An array of strings, or of numbers; null if absent.
  Result<const GgufValue*> Strings(std::string_view key) const;
  Result<const GgufValue*> Numbers(std::string_view key) const;
  // A number, or an array of them (one a layer) that are all equal; they must be.
  Result<std::optional<int64_t>> IntForAllLayers(std::string_view key, int64_t min, int64_t max) const;

  // "FILE: `key` MESSAGE".
  Status Error(std::string_view key, const std::string& message) const;
  Status Missing(std::string_view key) const { return Error(key, "is missing from the metadata"); }
  const std::string& file() const { return file_; }
  const GgufMetadata& metadata() const { return *metadata_; }

 private:
  std::string file_;
  const GgufMetadata* metadata_;
};

class GgufFile {
 public:
  static Result<GgufFile> Open(const std::string& path);

  const std::string& path() const { return file_->path(); }
  const std::shared_ptr<const MappedFile>& mapping() const { return file_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }  // in the file's order; shapes are outermost first
  const Tensor* Find(std::string_view name) const;                 // null if there is none
  GgufReader metadata() const { return {path(), *metadata_}; }

 private:
  std::shared_ptr<const MappedFile> file_;  // shared: copies of this object stay valid
  std::shared_ptr<const GgufMetadata> metadata_;
  std::vector<Tensor> tensors_;
};

// Is it a regular file that begins as GGUF does, or whose name ends in .gguf?
bool IsGguf(const std::string& path);

// The parser behind Open, for bytes in memory: `bytes` is the whole file, values and tensors point into it.
Status ParseGguf(std::span<const std::byte> bytes, const std::string& name, GgufMetadata* metadata,
                 std::vector<Tensor>* tensors);

}  // namespace lacuna
