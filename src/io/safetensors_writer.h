// Writes a safetensors file as a stream: tensors are declared first, or one by one as they come, and their bytes follow
// in the same order, in pieces of any size; memory holds the header only. The file appears when Finish succeeds, or not
// at all.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "io/file.h"
#include "io/safetensors.h"
#include "lacuna/status.h"

namespace lacuna {

struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
};

class SafetensorsWriter {
 public:
  // The header is padded with spaces so that the data start at a multiple of 64. Names must be valid UTF-8 and differ.
  static Result<SafetensorsWriter> Create(const std::string& path, const std::vector<TensorSpec>& tensors,
                                          const std::map<std::string, std::string>& metadata = {});

  // Without tensors yet: room for a header of up to `header_bytes` is left, and Finish fills it. HeaderBytes() of each
  // tensor's name is enough.
  static Result<SafetensorsWriter> CreateGrowing(const std::string& path, uint64_t header_bytes,
                                                 const std::map<std::string, std::string>& metadata = {});
  static uint64_t HeaderBytes(std::string_view name) { return 6 * name.size() + 160; }
  // Declares the tensor that comes after those declared before.
  Status Declare(const TensorSpec& tensor);

  // The next bytes of the data; more than was declared is kInternal.
  Status Append(std::span<const std::byte> data);
  // Fails (kInternal) if bytes are missing.
  Status Finish();

  uint64_t data_bytes() const { return data_bytes_; }  // as declared
  uint64_t written() const { return written_; }

 private:
  AtomicFile file_;
  std::string header_;  // of a growing file: what is declared, without the end
  std::set<std::string> names_;
  uint64_t room_ = 0;  // for the header, growing files only
  uint64_t data_bytes_ = 0;
  uint64_t written_ = 0;
};

}  // namespace lacuna
