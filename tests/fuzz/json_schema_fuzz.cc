// Any text as a JSON schema: an error that begins with its name, or a grammar that is read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lacuna/grammar.h"

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using lacuna::Grammar;
  const std::string_view schema(reinterpret_cast<const char*>(data), size);
  const auto gbnf = Grammar::GbnfOfJsonSchema(schema, "schema");
  if (!gbnf.ok()) {
    Require(gbnf.status().code() == lacuna::StatusCode::kInvalidInput);
    Require(gbnf.status().message().starts_with("schema"));
    return 0;
  }
  const auto grammar = Grammar::Parse(*gbnf, "grammar");
  if (grammar.ok()) {
    (void)(*grammar)->Test("{\"a\": [1, true, null]}");
  } else {
    const std::string message = grammar.status().message();
    Require(message.find("left recursion") != message.npos || message.find("too large") != message.npos);
  }
  return 0;
}
