// config.json of well-known model shapes, for `lacuna synth`.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace lacuna::tools {

// Null for an unknown name.
std::optional<nlohmann::ordered_json> ShapeConfig(const std::string& name);
// "tinyllama-1.1b, llama-3.2-1b, .."
std::string ShapeList();

// A working byte-level tokenizer.json (the pre-tokenizer of Llama 3) with exactly `vocab_size` ids: 256 bytes, merges
// of lower-case letters, and `bos` and `eos` as special tokens at those ids. vocab_size is at least 260.
std::string MakeTokenizer(int vocab_size, int bos, int eos);

}  // namespace lacuna::tools
