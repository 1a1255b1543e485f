// Any bytes as a GGUF file: an error with a message, or tensors inside the file. What becomes of its metadata (a
// configuration, a tokenizer) is tried as well: that may fail with an error that names the file.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "io/gguf.h"
#include "lacuna/tokenizer.h"
#include "model/config.h"
#include "model/gguf_config.h"
#include "tokenizer/gguf_tokenizer.h"
#include "weights/ggml_blocks.h"

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
    if (!lacuna::IsBlockWeightType(tensor.dtype)) continue;
    std::vector<float> values(static_cast<size_t>(tensor.shape.back()));
    lacuna::DequantizeBlocks(tensor.data.data(), tensor.dtype, tensor.shape.back(), values.data());
    sum += values[0] > 0;
  }
  const lacuna::GgufReader reader("fuzz", metadata);
  const auto check = [](const lacuna::Status& error) {
    Require(error.code() == lacuna::StatusCode::kInvalidInput && error.message().find("fuzz") != std::string::npos);
  };
  if (const auto config = lacuna::GgufConfigJson(reader, tensors); !config.ok()) {
    check(config.status());
  } else if (const auto parsed = lacuna::ParseConfig(*config, "fuzz"); !parsed.ok()) {
    check(parsed.status());
  }
  if (const auto text = lacuna::GgufTokenizerConfigJson(reader); !text.ok()) check(text.status());
  const auto json = lacuna::GgufTokenizerJson(reader);
  if (!json.ok()) {
    check(json.status());
  } else if (*json) {
    const auto tokenizer = lacuna::Tokenizer::Parse(**json, "fuzz");
    if (!tokenizer.ok()) {
      check(tokenizer.status());
    } else if (const auto ids = (*tokenizer)->Encode("ab a\n\xc3\xa9 ab</s>"); ids.ok()) {
      Require((*tokenizer)->Decode(*ids).ok());
    }
  }
  volatile unsigned keep = sum;
  (void)keep;
  return 0;
}
