// GGUF files of whole models, as llama.cpp's converter writes them, from Hugging Face directories.
#pragma once

#include <functional>
#include <string>

#include "io/safetensors.h"
#include "tests/support/gguf_text.h"

namespace lacuna::testing {

// Metadata (architecture, sizes, rope) that config.json of `folder` asks for.
GgufText GgufMetadataOf(const std::string& folder);

// The whole file: matrices in their own type, vectors in F32, rows of q and k in the order of arch llama where it is
// one. `more` adds metadata, such as a tokenizer.
std::string GgufOf(const std::string& folder, const std::function<void(GgufText&)>& more = {});

// ggml's number of the type.
uint32_t GgmlNumber(DType type);

}  // namespace lacuna::testing
