#include "tokenizer/chat/value.h"

#include <algorithm>
#include <cmath>

#include "tokenizer/chat/print.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

constexpr int64_t kMaxWeight = int64_t{1} << 60;

// The shared object of a variant, or an empty one.
template <typename T, typename Variant>
const T& Shared(const Variant& v) {
  static const T kEmpty{};
  const auto* value = std::get_if<std::shared_ptr<const T>>(&v);
  return value == nullptr ? kEmpty : **value;
}

}  // namespace

const Text& Value::text() const { return Shared<Text>(v_); }
const List& Value::list() const { return Shared<List>(v_); }
const Dict& Value::dict() const { return Shared<Dict>(v_); }

Object& Value::object() const {
  static Object nothing(Object::Type::kNothing);
  const auto* value = std::get_if<std::shared_ptr<Object>>(&v_);
  return value == nullptr ? nothing : **value;
}

const std::string& Value::why_undefined() const {
  static const std::string kUnknown = "a value is undefined";
  const auto* value = std::get_if<Undefined>(&v_);
  return value == nullptr || value->why == nullptr ? kUnknown : *value->why;
}

std::string Dict::Key(const Value& v) {
  if (v.is_string()) return "s" + std::string(v.text().view());
  if (v.is_none()) return "none";
  if (v.is_float() && (v.number() != std::floor(v.number()) || std::abs(v.number()) > 9e15))
    return "f" + FloatRepr(v.number());
  if (v.is_number()) return "n" + std::to_string(v.is_float() ? static_cast<int64_t>(v.number()) : v.integer());
  if (v.is_list() && v.list().kind == ListKind::kTuple) {
    std::string key = "t";
    for (const Value& item : v.list().items) {
      const std::string part = Key(item);
      if (part.empty()) return "";
      key += std::to_string(part.size()) + ":" + part;
    }
    return key;
  }
  return "";
}

const Value* Dict::Find(const Value& key) const {
  const auto it = index.find(Key(key));
  return it == index.end() ? nullptr : &items[it->second].second;
}

const Value* Dict::Find(std::string_view key) const {
  const auto it = index.find("s" + std::string(key));
  return it == index.end() ? nullptr : &items[it->second].second;
}

bool Dict::Set(Value key, Value value) {
  std::string name = Key(key);
  if (name.empty()) return false;
  depth = std::max({depth, Depth(key) + 1, Depth(value) + 1});
  weight = std::min(kMaxWeight, weight + Weight(key) + Weight(value));
  const auto [it, added] = index.emplace(std::move(name), items.size());
  if (added) {
    items.emplace_back(std::move(key), std::move(value));
  } else {
    items[it->second].second = std::move(value);
  }
  return true;
}

std::string TypeName(const Value& v) {
  if (v.is_undefined()) return "Undefined";
  if (v.is_none()) return "NoneType";
  if (v.is_bool()) return "bool";
  if (v.is_int()) return "int";
  if (v.is_float()) return "float";
  if (v.is_string()) return "str";
  if (v.is_dict()) return "dict";
  if (v.is_list()) {
    static constexpr const char* kNames[] = {"list",      "tuple",       "range",    "dict_items",
                                             "dict_keys", "dict_values", "generator"};
    return kNames[static_cast<int>(v.list().kind)];
  }
  static constexpr const char* kNames[] = {"function",    "method", "Macro",  "Namespace",
                                           "LoopContext", "Cycler", "Joiner", "Object"};
  return kNames[static_cast<int>(v.object().type)];
}

bool Truth(const Value& v) {
  if (v.is_undefined() || v.is_none()) return false;
  if (v.is_float()) return v.number() != 0;
  if (v.is_number()) return v.integer() != 0;
  if (v.is_string()) return !v.text().empty();
  if (v.is_dict()) return !v.dict().items.empty();
  if (v.is_list()) return v.list().kind == ListKind::kGenerator || !v.list().items.empty();
  return true;
}

bool Equal(const Value& a, const Value& b) {
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_integral() && b.is_integral()) return a.integer() == b.integer();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.is_string() && b.is_string()) return a.text().view() == b.text().view();
  if (a.is_list() && b.is_list()) {
    if (a.list().kind != b.list().kind || a.list().items.size() != b.list().items.size()) return false;
    return std::equal(a.list().items.begin(), a.list().items.end(), b.list().items.begin(), Equal);
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.dict().items.size() != b.dict().items.size()) return false;
    for (const auto& [key, value] : a.dict().items) {
      const Value* other = b.dict().Find(key);
      if (other == nullptr || !Equal(value, *other)) return false;
    }
    return true;
  }
  return a.is_object() && b.is_object() && &a.object() == &b.object();
}

int Depth(const Value& v) { return v.is_list() ? v.list().depth : v.is_dict() ? v.dict().depth : 0; }

int64_t Weight(const Value& v) {
  if (v.is_list()) return v.list().weight;
  if (v.is_dict()) return v.dict().weight;
  return v.is_string() ? 1 + static_cast<int64_t>(v.text().size() / 16) : 1;
}

Value MakeList(std::vector<Value> items, ListKind kind) {
  auto list = std::make_shared<List>();
  for (const Value& item : items) {
    list->depth = std::max(list->depth, Depth(item) + 1);
    list->weight = std::min(kMaxWeight, list->weight + Weight(item));
  }
  list->items = std::move(items);
  list->kind = kind;
  return Value(std::shared_ptr<const List>(std::move(list)));
}

Value MakeDict(Dict dict) { return Value(std::make_shared<const Dict>(std::move(dict))); }

int64_t CharCount(std::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

size_t CharOffset(std::string_view text, int64_t index) {
  size_t pos = 0;
  while (index > 0 && pos < text.size()) pos += unicode::CharLength(text[pos]), --index;
  return std::min(pos, text.size());
}

bool IsSpace(char32_t c) { return unicode::IsWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }

}  // namespace lacuna::jinja
