// Grammars that generated text must follow: GBNF as llama.cpp has it, or a JSON schema. docs/grammar.md says which.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

struct ByteGrammar;  // private to the library

// Const and shareable: any number of generations may follow one grammar, from several threads at once.
class Grammar {
 public:
  // The rule `root` is the text. `name` (a path) begins every message, which names line and column.
  static Result<std::shared_ptr<const Grammar>> Parse(std::string_view gbnf, const std::string& name = "grammar");
  // JSON values that fit the schema. Keywords that are not read are errors that name them.
  static Result<std::shared_ptr<const Grammar>> FromJsonSchema(std::string_view schema,
                                                               const std::string& name = "schema");
  // The grammar that a schema stands for.
  static Result<std::string> GbnfOfJsonSchema(std::string_view schema, const std::string& name = "schema");

  ~Grammar();
  Grammar(const Grammar&) = delete;
  Grammar& operator=(const Grammar&) = delete;

  const std::string& name() const { return name_; }

  enum class Match {
    kNo,         // no text that begins so follows the grammar
    kBeginning,  // more must come
    kWhole,      // the text is whole; more may be able to come
  };
  // kInvalidInput when the grammar is too ambiguous to follow.
  Result<Match> Test(std::string_view text) const;

  const ByteGrammar& bytes() const { return *bytes_; }

 private:
  Grammar(std::string name, ByteGrammar bytes);

  std::string name_;
  std::unique_ptr<const ByteGrammar> bytes_;
};

}  // namespace lacuna
