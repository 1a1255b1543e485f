// Any text as model.safetensors.index.json: an error with a message, or shards that lie in the model's own folder.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "io/model_files.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto index = lacuna::ParseShardIndex({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!index.ok()) {
    Require(index.status().code() == lacuna::StatusCode::kInvalidInput);
    Require(index.status().message().starts_with("fuzz: "));
    return 0;
  }
  Require(!index->empty());
  for (const auto& [tensor, file] : *index) {
    Require(!file.empty() && file != "." && file != "..");
    for (const char c : file) Require(c != '/' && c != '\\' && c != '\0');
  }
  return 0;
}
