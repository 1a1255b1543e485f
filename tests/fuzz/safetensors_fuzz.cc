// Any bytes as a safetensors file: an error with a message, or tensors that cover the data exactly.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "io/safetensors.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<lacuna::Tensor> tensors;
  std::map<std::string, std::string> metadata;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const lacuna::Status status = lacuna::ParseSafetensors(bytes, "fuzz", &tensors, &metadata);
  if (!status.ok()) {
    Require(status.code() == lacuna::StatusCode::kInvalidInput && status.message().starts_with("fuzz: "));
    return 0;
  }
  // The tensors follow each other from wherever the data begin to the very last byte.
  const std::byte* next = tensors.empty() ? nullptr : tensors.front().data.data();
  unsigned sum = 0;
  for (const lacuna::Tensor& tensor : tensors) {
    Require(tensor.data.data() == next);
    Require(tensor.data.size() * 8 == static_cast<uint64_t>(tensor.elements()) * lacuna::DTypeBits(tensor.dtype));
    for (const std::byte b : tensor.data) sum += static_cast<unsigned>(b);
    next += tensor.data.size();
  }
  Require(tensors.empty() || next == bytes.data() + bytes.size());
  volatile unsigned keep = sum;
  (void)keep;
  return 0;
}
