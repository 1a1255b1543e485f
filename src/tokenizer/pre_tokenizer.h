// The "pre_tokenizer" of tokenizer.json: cuts the text into pieces that the model's merges never cross.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

// A part of PieceList::text, or an added token that was found in the input.
struct Piece {
  size_t begin, end;
  int32_t token;  // its id, or -1 for text
  bool at_start;  // begins with the first character of the whole input
};

// The input on its way from text to ids. Pieces are in order and never empty, unless they are tokens.
struct PieceList {
  std::string text;
  std::vector<Piece> pieces;
};

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  virtual Status Apply(PieceList& list) const = 0;
};

using PreTokenizers = std::vector<std::unique_ptr<const PreTokenizer>>;

// Appends the steps that `node` describes (none for null); `where` is its file and path. `byte_level` is set when a
// step maps bytes to GPT-2's alphabet.
Status ParsePreTokenizer(const nlohmann::json& node, const std::string& where, PreTokenizers& steps, bool& byte_level);

}  // namespace lacuna
