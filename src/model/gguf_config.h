// A GGUF file's metadata as the texts that a Hugging Face directory has, so that one reader decides what they mean.
#pragma once

#include <span>
#include <string>

#include "io/gguf.h"
#include "lacuna/status.h"

namespace lacuna {

// config.json of architecture llama (which covers Mistral), qwen2 or qwen3. A setting `ARCH.*` that is not known, or
// has a value that would change the result in a way that is not supported, is kInvalidInput with its key. End tokens
// are eos, eot and eom and, as llama.cpp has it, control tokens that chat formats end turns with.
Result<std::string> GgufConfigJson(const GgufReader& metadata, std::span<const Tensor> tensors);

}  // namespace lacuna
