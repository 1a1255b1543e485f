#include "lacuna/grammar.h"

#include "base/status_macros.h"
#include "grammar/byte_grammar.h"
#include "grammar/gbnf.h"
#include "grammar/json_schema.h"
#include "grammar/machine.h"

namespace lacuna {

Grammar::Grammar(std::string name, ByteGrammar bytes)
    : name_(std::move(name)), bytes_(std::make_unique<const ByteGrammar>(std::move(bytes))) {}
Grammar::~Grammar() = default;

Result<std::shared_ptr<const Grammar>> Grammar::Parse(std::string_view gbnf, const std::string& name) {
  LACUNA_ASSIGN_OR_RETURN(ByteGrammar bytes, ParseGbnf(gbnf, name));
  return std::shared_ptr<const Grammar>(new Grammar(name, std::move(bytes)));
}

Result<std::string> Grammar::GbnfOfJsonSchema(std::string_view schema, const std::string& name) {
  return JsonSchemaToGbnf(schema, name);
}

Result<std::shared_ptr<const Grammar>> Grammar::FromJsonSchema(std::string_view schema, const std::string& name) {
  LACUNA_ASSIGN_OR_RETURN(const std::string gbnf, JsonSchemaToGbnf(schema, name));
  return Parse(gbnf, name + " (as a grammar)");
}

Result<Grammar::Match> Grammar::Test(std::string_view text) const {
  Machine machine(*bytes_);
  Machine::State state = machine.start();
  for (const char byte : text) {
    if (machine.Full()) state = machine.Shrink(state);
    state = machine.Step(state, static_cast<uint8_t>(byte));
    if (state == Machine::kDead) break;
  }
  if (machine.overflowed()) {
    return InvalidInput(name_ + ": the grammar can be read in more ways at once than are followed (" +
                        std::to_string(Machine::kMaxStacks) + "): make it smaller or less ambiguous");
  }
  return state == Machine::kDead ? Match::kNo : machine.CanEnd(state) ? Match::kWhole : Match::kBeginning;
}

}  // namespace lacuna
