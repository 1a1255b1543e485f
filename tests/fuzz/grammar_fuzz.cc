// Any text as a GBNF grammar and, after a zero byte, as a text that may follow it: an error that names a place, or a
// grammar for which every beginning of a text that follows it is a beginning.
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
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = input.find('\0');
  const auto grammar = Grammar::Parse(input.substr(0, cut), "grammar");
  if (!grammar.ok()) {
    Require(grammar.status().code() == lacuna::StatusCode::kInvalidInput);
    Require(grammar.status().message().starts_with("grammar:"));
    return 0;
  }
  const std::string_view text = cut == input.npos ? "" : input.substr(cut + 1, 200);
  const auto whole = (*grammar)->Test(text);
  if (!whole.ok()) return 0;  // too ambiguous
  const auto half = (*grammar)->Test(text.substr(0, text.size() / 2));
  Require(half.ok());
  if (*whole != Grammar::Match::kNo) Require(*half != Grammar::Match::kNo);
  return 0;
}
