// Tests: what stands behind `is`.
#include <map>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/strings.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

using Test = bool (*)(Interpreter& in, const Value& v, const Value* other);

bool Even(Interpreter& in, const Value& v, int64_t divisor) {
  if (divisor == 0) return in.Fail("division by zero"), false;
  if (v.is_integral()) return divisor == -1 || v.integer() % divisor == 0;
  return in.Fail("the test needs a whole number, not " + TypeName(v)), false;
}

bool Iterable(const Value& v) { return v.is_undefined() || v.is_string() || v.is_list() || v.is_dict(); }
bool Sequence(const Value& v) {
  if (v.is_list()) return v.list().kind <= ListKind::kRange;
  return v.is_undefined() || v.is_string() || v.is_dict();
}

// Whether one is the other: what Python's `is` says of values that templates meet.
bool SameAs(const Value& a, const Value& b) {
  if (a.is_bool() || b.is_bool()) return a.is_bool() && b.is_bool() && a.boolean() == b.boolean();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_list() && b.is_list()) return &a.list() == &b.list();
  if (a.is_dict() && b.is_dict()) return &a.dict() == &b.dict();
  return TypeName(a) == TypeName(b) && Equal(a, b);
}

bool OneCase(const std::string& text, bool upper) {
  bool any = false;
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = unicode::Next(text, pos);
    if (upper ? IsLowerCase(c) : IsUpperCase(c)) return false;
    any |= upper ? IsUpperCase(c) : IsLowerCase(c);
  }
  return any;
}

struct Entry {
  bool wants_argument;
  Test test;
};

const std::map<std::string, Entry, std::less<>>& Tests() {
  using I = Interpreter;
  using V = Value;
  static const Entry kEqual{true, [](I& in, const V& v, const V* o) { return in.IsEqual(v, *o); }};
  static const Entry kNotEqual{true, [](I& in, const V& v, const V* o) { return !in.IsEqual(v, *o); }};
  static const Entry kLess{true, [](I& in, const V& v, const V* o) { return in.Order(v, *o) < 0; }};
  static const Entry kLessEqual{true, [](I& in, const V& v, const V* o) { return in.Order(v, *o) <= 0; }};
  static const Entry kGreater{true, [](I& in, const V& v, const V* o) { return in.Order(v, *o) > 0; }};
  static const Entry kGreaterEqual{true, [](I& in, const V& v, const V* o) { return in.Order(v, *o) >= 0; }};
  static const std::map<std::string, Entry, std::less<>> kTests = {
      {"defined", {false, [](I&, const V& v, const V*) { return !v.is_undefined(); }}},
      {"undefined", {false, [](I&, const V& v, const V*) { return v.is_undefined(); }}},
      {"none", {false, [](I&, const V& v, const V*) { return v.is_none(); }}},
      {"boolean", {false, [](I&, const V& v, const V*) { return v.is_bool(); }}},
      {"true", {false, [](I&, const V& v, const V*) { return v.is_bool() && v.boolean(); }}},
      {"false", {false, [](I&, const V& v, const V*) { return v.is_bool() && !v.boolean(); }}},
      {"integer", {false, [](I&, const V& v, const V*) { return v.is_int(); }}},
      {"float", {false, [](I&, const V& v, const V*) { return v.is_float(); }}},
      {"number", {false, [](I&, const V& v, const V*) { return v.is_number(); }}},
      {"string", {false, [](I&, const V& v, const V*) { return v.is_string(); }}},
      {"mapping", {false, [](I&, const V& v, const V*) { return v.is_dict(); }}},
      {"iterable", {false, [](I&, const V& v, const V*) { return Iterable(v); }}},
      {"sequence", {false, [](I&, const V& v, const V*) { return Sequence(v); }}},
      {"callable",
       {false,
        [](I&, const V& v, const V*) {
          if (v.is_undefined()) return true;  // Python's Undefined can be called, to say that it is undefined
          return v.is_object() && v.object().type != Object::Type::kNamespace &&
                 v.object().type != Object::Type::kCycler;
        }}},
      {"escaped", {false, [](I&, const V& v, const V*) { return v.is_string() && v.text().markup(); }}},
      {"even", {false, [](I& in, const V& v, const V*) { return Even(in, v, 2); }}},
      {"odd", {false, [](I& in, const V& v, const V*) { return !Even(in, v, 2); }}},
      {"divisibleby", {true, [](I& in, const V& v, const V* o) { return Even(in, v, in.IntOr(o, 0, "divisibleby")); }}},
      {"lower", {false, [](I& in, const V& v, const V*) { return OneCase(in.StrOf(v), false); }}},
      {"upper", {false, [](I& in, const V& v, const V*) { return OneCase(in.StrOf(v), true); }}},
      {"in", {true, [](I& in, const V& v, const V* o) { return in.Contains(*o, v); }}},
      {"sameas",
       {true,
        [](I& in, const V& v, const V* o) { return in.Charge(std::min(Weight(v), Weight(*o))) && SameAs(v, *o); }}},
      {"filter", {false, [](I& in, const V& v, const V*) { return Interpreter::HasFilter(in.StrOf(v)); }}},
      {"test", {false, [](I& in, const V& v, const V*) { return Interpreter::HasTest(in.StrOf(v)); }}},
      {"eq", kEqual},
      {"equalto", kEqual},
      {"==", kEqual},
      {"ne", kNotEqual},
      {"!=", kNotEqual},
      {"lt", kLess},
      {"lessthan", kLess},
      {"<", kLess},
      {"le", kLessEqual},
      {"<=", kLessEqual},
      {"gt", kGreater},
      {"greaterthan", kGreater},
      {">", kGreater},
      {"ge", kGreaterEqual},
      {">=", kGreaterEqual}};
  return kTests;
}

}  // namespace

bool Interpreter::HasTest(const std::string& name) { return Tests().count(name) > 0; }

bool Interpreter::CallTest(const std::string& name, const Value& input, Args& args) {
  const auto it = Tests().find(name);
  if (it == Tests().end()) return Fail("unknown test '" + name.substr(0, 100) + "'"), false;
  const bool wants = it->second.wants_argument;
  if (!args.named.empty() || args.positional.size() != (wants ? 1 : 0)) {
    return Fail("the test '" + name + "' takes " + (wants ? "one argument" : "no argument")), false;
  }
  return it->second.test(*this, input, wants ? &args.positional[0] : nullptr);
}

}  // namespace lacuna::jinja
