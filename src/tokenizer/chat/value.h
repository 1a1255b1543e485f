// Values of templates: what Python has, as far as templates see it. Immutable, but for namespaces, cyclers and joiners.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "tokenizer/chat/text.h"

namespace lacuna::jinja {

class Value;
struct List;
struct Dict;
struct Object;

// The value of a name that is not there: prints as nothing, is false and empty; using it otherwise is an error, which
// `why` explains.
struct Undefined {
  std::shared_ptr<const std::string> why;
};
struct None {};

class Value {
 public:
  Value() : v_(Undefined{}) {}
  Value(Undefined u) : v_(std::move(u)) {}
  Value(None n) : v_(n) {}
  Value(bool b) : v_(b) {}
  Value(int64_t i) : v_(i) {}
  Value(double d) : v_(d) {}
  Value(Text text) : v_(std::make_shared<const Text>(std::move(text))) {}
  Value(std::shared_ptr<const List> list) : v_(std::move(list)) {}
  Value(std::shared_ptr<const Dict> dict) : v_(std::move(dict)) {}
  Value(std::shared_ptr<Object> object) : v_(std::move(object)) {}
  static Value String(std::string_view text) { return Value(Text(text, false)); }

  bool is_undefined() const { return std::holds_alternative<Undefined>(v_); }
  bool is_none() const { return std::holds_alternative<None>(v_); }
  bool is_bool() const { return std::holds_alternative<bool>(v_); }
  bool is_int() const { return std::holds_alternative<int64_t>(v_); }
  bool is_float() const { return std::holds_alternative<double>(v_); }
  bool is_number() const { return is_bool() || is_int() || is_float(); }  // as Python: True is 1
  bool is_integral() const { return is_bool() || is_int(); }
  bool is_string() const { return std::holds_alternative<std::shared_ptr<const Text>>(v_); }
  bool is_list() const { return std::holds_alternative<std::shared_ptr<const List>>(v_); }  // every ListKind
  bool is_dict() const { return std::holds_alternative<std::shared_ptr<const Dict>>(v_); }
  bool is_object() const { return std::holds_alternative<std::shared_ptr<Object>>(v_); }

  // Of a value of another kind these give something harmless, so that code behind an error need not look.
  bool boolean() const { return Get<bool>(); }
  int64_t integer() const { return is_bool() ? boolean() : Get<int64_t>(); }
  double number() const { return is_float() ? Get<double>() : static_cast<double>(integer()); }
  const Text& text() const;
  const List& list() const;
  const Dict& dict() const;
  Object& object() const;
  const std::string& why_undefined() const;

 private:
  template <typename T>
  T Get() const {
    const T* value = std::get_if<T>(&v_);
    return value == nullptr ? T{} : *value;
  }

  std::variant<Undefined, None, bool, int64_t, double, std::shared_ptr<const Text>, std::shared_ptr<const List>,
               std::shared_ptr<const Dict>, std::shared_ptr<Object>>
      v_;
};

enum class ListKind { kList, kTuple, kRange, kItems, kKeys, kValues, kGenerator };

// A sequence. Generators (what map and select give) are true, have no length, and can be walked once.
struct List {
  std::vector<Value> items;
  ListKind kind = ListKind::kList;
  int depth = 1;              // containers inside each other
  int64_t weight = 1;         // see Weight
  mutable bool used = false;  // of generators
  bool group = false;         // a tuple of groupby, whose items are called grouper and list
};

// Keeps the order of insertion; a key set again keeps its place.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  std::unordered_map<std::string, size_t> index;
  int depth = 1;
  int64_t weight = 1;

  // Null when it is not there. Keys are strings, numbers, None or tuples of these; Key() is "" for others.
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  bool Set(Value key, Value value);  // false when the key cannot be one
  static std::string Key(const Value& value);
};

// What is not data: macros, methods, namespaces.
struct Object {
  enum class Type { kFunction, kMethod, kMacro, kNamespace, kLoop, kCycler, kJoiner, kNothing };
  explicit Object(Type t) : type(t) {}
  virtual ~Object() = default;
  const Type type;
};

Value MakeList(std::vector<Value> items, ListKind kind = ListKind::kList);
Value MakeDict(Dict dict);

// Python's name of the type: "str", "NoneType", "dict".
std::string TypeName(const Value& v);
bool Truth(const Value& v);
bool Equal(const Value& a, const Value& b);
// Containers inside each other, 0 for others; whoever makes values bounds it, so that walks over them may recurse.
int Depth(const Value& v);
// What a walk over all of it costs, in steps: values that share parts can be exponentially larger than their memory.
int64_t Weight(const Value& v);

// Number of characters (not bytes).
int64_t CharCount(std::string_view text);
// The byte at which character `index` (0 to CharCount) begins.
size_t CharOffset(std::string_view text, int64_t index);
bool IsSpace(char32_t c);  // as str.isspace

}  // namespace lacuna::jinja
