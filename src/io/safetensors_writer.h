// Writes a safetensors file as a stream: tensors are declared first, then their bytes follow in the same order, in
// pieces of any size; memory holds the header only. The file appears when Finish succeeds, or not at all.
#pragma once

#include <map>
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

  // The next bytes of the data; more than was declared is kInternal.
  Status Append(std::span<const std::byte> data);
  // Fails (kInternal) if bytes are missing.
  Status Finish();

  uint64_t data_bytes() const { return data_bytes_; }  // as declared
  uint64_t written() const { return written_; }

 private:
  AtomicFile file_;
  uint64_t data_bytes_ = 0;
  uint64_t written_ = 0;
};

}  // namespace lacuna
