// Any bytes as a GGUF file: an error with a message, or tensors inside the file. What becomes of its metadata (a
// configuration, a tokenizer) is tried as well: that may fail with an error that names the file.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "io/gguf.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  lacuna::GgufMetadata metadata;
  std::vector<lacuna::Tensor> tensors;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const lacuna::Status status = lacuna::ParseGguf(bytes, "fuzz", &metadata, &tensors);
  if (!status.ok()) {
    Require(status.code() == lacuna::StatusCode::kInvalidInput && status.message().starts_with("fuzz: "));
    return 0;
  }
  unsigned sum = 0;
  for (const lacuna::Tensor& tensor : tensors) {
    Require(tensor.data.data() >= bytes.data() && tensor.data.data() + tensor.data.size() <= bytes.data() + size);
    for (const std::byte b : tensor.data) sum += static_cast<unsigned>(b);
  }
  volatile unsigned keep = sum;
  (void)keep;
  return 0;
}
