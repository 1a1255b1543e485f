// Filters, with the arguments and defaults that Jinja gives them: tables of the files that have them.
#pragma once

#include <span>

#include "tokenizer/chat/interpreter.h"

namespace lacuna::jinja {

using FilterBody = Value (*)(Interpreter& in, const Value& v, Args& args);

struct NamedFilter {
  const char* name;
  FilterBody body;
};

std::span<const NamedFilter> TextFilters();    // text_filters.cc
std::span<const NamedFilter> NumberFilters();  // number_filters.cc

inline bool Flag(const Value* v, bool absent) { return v == nullptr ? absent : Truth(*v); }

}  // namespace lacuna::jinja
