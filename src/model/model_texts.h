// What a model is called by on the command line, a Hugging Face directory or a GGUF file, and the small texts that
// belong to it: the one place that tells the two apart for everything but weights (ModelFiles does it for these).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lacuna/status.h"
#include "lacuna/tokenizer.h"

namespace lacuna {

// kInvalidInput unless there is a directory or a GGUF file.
Status CheckModelPath(const std::string& model);

// The text of config.json, generation_config.json, tokenizer.json, tokenizer_config.json, .. of the model: the file in
// the directory, or what a GGUF file's metadata say in its form. nullopt: there is none.
Result<std::optional<std::string>> ReadModelText(const std::string& model, std::string_view name,
                                                 std::size_t max_bytes = std::size_t{512} << 20);

// To start messages about it with: "DIR/config.json", or the GGUF file.
std::string ModelTextPath(const std::string& model, std::string_view name);

// For messages that miss a file of a folder: what to add if GGUF files lie there, models by themselves; else "".
std::string GgufInside(const std::string& folder);

// Null if the model has no tokenizer.
Result<std::shared_ptr<const Tokenizer>> LoadModelTokenizer(const std::string& model);

}  // namespace lacuna
