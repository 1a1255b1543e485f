// Safetensors files (https://github.com/huggingface/safetensors) and the set of them that makes up a model.
//   u64 header length | header: a JSON object, padded with spaces | data
//   header: {"__metadata__": {"k": "v"}, "NAME": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
// Everything is checked when a file is opened: offsets lie inside, sizes are shape times type, the data are covered
// exactly (no hole, no tail, no overlap). Tensors may start at any address: load them unaligned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/dtype.h"
#include "io/file.h"
#include "lacuna/status.h"

namespace lacuna {

struct Tensor {
  std::string name;
  DType dtype = DType::kU8;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;  // inside the file's mapping
  uint32_t file = 0;                // index into ModelFiles::files(); 0 in a single file
  int interleaved_heads = 0;        // GGUF, arch llama: rows are stored as SourceRow of io/gguf_tensors.h says

  int64_t elements() const;  // fits: checked when the file was opened
};

std::string ShapeText(std::span<const int64_t> shape);  // "[2, 3]"

class SafetensorsFile {
 public:
  static Result<SafetensorsFile> Open(const std::string& path);

  const std::string& path() const { return file_->path(); }
  const MappedFile& mapping() const { return *file_; }
  std::shared_ptr<const MappedFile> shared_mapping() const { return file_; }
  const std::vector<Tensor>& tensors() const { return tensors_; }  // in the order of their data
  const Tensor* Find(std::string_view name) const;                 // null if there is none
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  std::shared_ptr<const MappedFile> file_;  // shared: copies of this object stay valid
  std::vector<Tensor> tensors_;
  std::vector<uint32_t> by_name_;  // indices into tensors_, ascending by name
  std::map<std::string, std::string> metadata_;
};

// The parser behind Open, for bytes in memory: `bytes` is the whole file, tensors point into it.
Status ParseSafetensors(std::span<const std::byte> bytes, const std::string& name, std::vector<Tensor>* tensors,
                        std::map<std::string, std::string>* metadata);

}  // namespace lacuna
