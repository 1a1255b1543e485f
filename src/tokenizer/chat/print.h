// Values as Python prints them: str(), repr() and json.dumps(). Marks of input follow every character.
#pragma once

#include <string>

#include "lacuna/status.h"
#include "tokenizer/chat/value.h"

namespace lacuna::jinja {

std::string FloatRepr(double value);

// str(v). Functions, macros and generators, which Python prints with their address, are an error.
Status Print(const Value& v, Text& out);
Status Repr(const Value& v, Text& out);

struct JsonStyle {
  bool ascii = false;
  bool sort_keys = false;
  bool indented = false;
  std::string indent;  // of one level
  std::string item_separator = ", ", key_separator = ": ";
};
// json.dumps(v); an error for what JSON does not have.
Status PrintJson(const Value& v, const JsonStyle& style, Text& out);

}  // namespace lacuna::jinja
