// Operators on values, attributes, items and slices, as Python has them.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/strings.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

bool IsSequence(const Value& v) {
  return v.is_list() &&
         (v.list().kind == ListKind::kList || v.list().kind == ListKind::kTuple || v.list().kind == ListKind::kRange);
}

int Sign(double d) { return d < 0 ? -1 : d > 0 ? 1 : 0; }

// Floor division and its remainder, whose sign is the divisor's.
int64_t FloorDiv(int64_t a, int64_t b) {
  const int64_t q = a / b;
  return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

bool IntPower(int64_t base, int64_t exponent, int64_t& out) {
  out = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(out, base, &out)) return false;
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base)) return false;
  }
  return true;
}

std::string Owner(const Value& v) {
  if (v.is_none()) return "'None'";
  return "'" + TypeName(v) + " object'";
}

}  // namespace

Value Interpreter::Str(const Value& v) {
  if (v.is_string()) return v;
  Text text;
  if (!Charge(Weight(v))) return Value();
  if (const Status status = Print(v, text); !status.ok()) return Fail(status);
  return Value(std::move(text));
}

std::string Interpreter::StrOf(const Value& v) {
  const Value text = Str(v);
  return ok() ? std::string(text.text().view()) : "";
}

std::vector<Value> Interpreter::Items(const Value& v) {
  std::vector<Value> items;
  if (v.is_undefined()) return items;
  if (v.is_list()) {
    const List& list = v.list();
    if (list.used || !Charge(static_cast<int64_t>(list.items.size()))) return items;
    if (list.kind == ListKind::kGenerator) list.used = true;
    return list.items;
  }
  if (v.is_dict()) {
    if (Charge(static_cast<int64_t>(v.dict().items.size()))) {
      for (const auto& [key, value] : v.dict().items) items.push_back(key);
    }
    return items;
  }
  if (v.is_string()) {
    if (!Charge(8 * static_cast<int64_t>(v.text().size()))) return items;  // each character becomes a string
    for (size_t pos = 0; pos < v.text().size();) {
      const size_t end = pos + unicode::CharLength(v.text().view()[pos]);
      items.emplace_back(v.text().Part(pos, end));
      pos = end;
    }
    return items;
  }
  Fail("a value of type " + TypeName(v) + " cannot be walked through");
  return items;
}

bool Interpreter::IsEqual(const Value& a, const Value& b) {
  return Charge(std::min(Weight(a), Weight(b))) && Equal(a, b);
}

int Interpreter::Order(const Value& a, const Value& b) {
  if (!Charge(std::min(Weight(a), Weight(b)))) return 0;
  if (a.is_integral() && b.is_integral()) return a.integer() < b.integer() ? -1 : a.integer() > b.integer() ? 1 : 0;
  if (a.is_number() && b.is_number()) return Sign(a.number() - b.number());
  if (a.is_string() && b.is_string()) return a.text().view().compare(b.text().view());
  if (a.is_list() && b.is_list() && a.list().kind == b.list().kind && IsSequence(a)) {
    const auto &x = a.list().items, &y = b.list().items;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!Equal(x[i], y[i])) return Order(x[i], y[i]);
    }
    return x.size() < y.size() ? -1 : x.size() > y.size() ? 1 : 0;
  }
  if (a.is_undefined() || b.is_undefined()) return Fail((a.is_undefined() ? a : b).why_undefined()), 0;
  Fail("values of types " + TypeName(a) + " and " + TypeName(b) + " have no order");
  return 0;
}

bool Interpreter::Contains(const Value& container, const Value& item) {
  if (container.is_undefined()) return false;
  if (container.is_string()) {
    if (!item.is_string()) return Fail("'in' a string needs a string on its left, not " + TypeName(item)), false;
    const std::string_view text = container.text().view(), part = item.text().view();
    if (!Charge(Weight(container))) return false;
    return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
  }
  if (container.is_dict()) {
    if (!Charge(Weight(item))) return false;
    if (Dict::Key(item).empty() && !item.is_undefined())
      return Fail("a value of type " + TypeName(item) + " cannot be a key"), false;
    return container.dict().Find(item) != nullptr;
  }
  for (const Value& other : Items(container)) {
    if (IsEqual(other, item)) return true;
    if (!ok()) return false;
  }
  return false;
}

Value Interpreter::Binary(const std::string& op, const Value& a, const Value& b) {
  const auto mismatch = [&]() -> Value {
    if (a.is_undefined() || b.is_undefined()) return Fail((a.is_undefined() ? a : b).why_undefined());
    return Fail("cannot compute " + TypeName(a) + " " + op + " " + TypeName(b));
  };
  if (op == "+" && a.is_string() && b.is_string()) {
    if (!Fits(static_cast<int64_t>(a.text().size() + b.text().size()))) return Value();
    // Escaped text stays so: what is added to it is escaped too.
    const bool markup = a.text().markup() || b.text().markup();
    Text text = markup ? Escape(a.text()) : a.text();
    text.Append(markup ? Escape(b.text()) : b.text());
    text.set_markup(markup);
    return Charge(static_cast<int64_t>(text.size()) / 16) ? Value(std::move(text)) : Value();
  }
  if (op == "+" && a.is_list() && b.is_list() && a.list().kind == b.list().kind && a.list().kind <= ListKind::kTuple) {
    if (!Charge(static_cast<int64_t>(a.list().items.size() + b.list().items.size()))) return Value();
    std::vector<Value> items = a.list().items;
    items.insert(items.end(), b.list().items.begin(), b.list().items.end());
    return MakeList(std::move(items), a.list().kind);
  }
  if (op == "%" && a.is_string()) {
    Args args;
    if (b.is_list() && b.list().kind == ListKind::kTuple) {
      args.positional = b.list().items;
    } else {
      args.positional = {b};
    }
    return FormatPercent(*this, a, args);
  }
  if (op == "*" && (a.is_integral() || b.is_integral()) && !(a.is_number() && b.is_number())) {
    const Value& v = a.is_integral() ? b : a;
    const int64_t count = std::max<int64_t>(0, (a.is_integral() ? a : b).integer());
    const bool list = v.is_list() && v.list().kind <= ListKind::kTuple;
    if (!v.is_string() && !list) return mismatch();
    const auto size = static_cast<int64_t>(list ? v.list().items.size() : v.text().size());
    int64_t total = 0;
    if (__builtin_mul_overflow(size, count, &total)) total = std::numeric_limits<int64_t>::max();
    if (list ? !Charge(total) : !Fits(total) || !Charge(total / 16)) return Value();
    if (size == 0) return v;
    if (list) {
      std::vector<Value> items;
      for (int64_t i = 0; i < count; ++i) items.insert(items.end(), v.list().items.begin(), v.list().items.end());
      return MakeList(std::move(items), v.list().kind);
    }
    Text text;
    for (int64_t i = 0; i < count; ++i) text.Append(v.text());
    return Value(std::move(text.set_markup(v.text().markup())));
  }
  if (!a.is_number() || !b.is_number()) return mismatch();
  const bool whole = a.is_integral() && b.is_integral();
  if (op == "/" || op == "//" || op == "%") {
    if (b.number() == 0) return Fail("division by zero");
    if (op == "/") return Value(a.number() / b.number());
    if (whole) {
      const int64_t x = a.integer(), y = b.integer();
      if (y == -1 && op == "%") return Value(int64_t{0});
      if (y == -1) return Binary("-", Value(int64_t{0}), a);
      return Value(op == "//" ? FloorDiv(x, y) : x - FloorDiv(x, y) * y);
    }
    if (op == "//") return Value(std::floor(a.number() / b.number()));
    const double rest = std::fmod(a.number(), b.number());
    return Value(rest != 0 && (rest < 0) != (b.number() < 0) ? rest + b.number() : rest);
  }
  if (whole) {
    const int64_t x = a.integer(), y = b.integer();
    int64_t result = 0;
    bool fits = true;
    if (op == "+") fits = !__builtin_add_overflow(x, y, &result);
    if (op == "-") fits = !__builtin_sub_overflow(x, y, &result);
    if (op == "*") fits = !__builtin_mul_overflow(x, y, &result);
    if (op == "**" && y < 0) return Value(std::pow(a.number(), b.number()));
    if (op == "**") fits = IntPower(x, y, result);
    return fits ? Value(result) : Fail("the result of " + op + " is too large for a whole number");
  }
  if (op == "+") return Value(a.number() + b.number());
  if (op == "-") return Value(a.number() - b.number());
  if (op == "*") return Value(a.number() * b.number());
  return Value(std::pow(a.number(), b.number()));
}

Value Interpreter::Slice(const Value& v, const Value& from, const Value& to, const Value& step_value) {
  if (v.is_undefined()) return Fail(v.why_undefined());
  if (!v.is_string() && !IsSequence(v)) return MakeUndefined(Owner(v) + " cannot be sliced");
  for (const Value* bound : {&from, &to, &step_value}) {
    if (!bound->is_none() && !bound->is_integral())
      return MakeUndefined("slices need whole numbers, not " + TypeName(*bound));
  }
  const int64_t step = step_value.is_none() ? 1 : step_value.integer();
  if (step == 0) return Fail("a slice's step cannot be zero");
  const int64_t size = v.is_string() ? CharCount(v.text().view()) : static_cast<int64_t>(v.list().items.size());
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto bound = [&](const Value& b, int64_t absent) {
    if (b.is_none()) return absent;
    const int64_t i = b.integer();
    return std::clamp(i < 0 ? i + size : i, low, high);
  };
  const int64_t begin = bound(from, step > 0 ? low : high), end = bound(to, step > 0 ? high : low);
  if (v.is_string()) {
    const Text& text = v.text();
    if (!Charge(static_cast<int64_t>(text.size()) / 16)) return Value();
    if (step == 1) {
      const size_t first = CharOffset(text.view(), begin);
      const size_t last = begin < end ? first + CharOffset(text.view().substr(first), end - begin) : first;
      return Value(std::move(text.Part(first, last).set_markup(text.markup())));
    }
  }
  const std::vector<Value> all = v.is_string() ? Items(v) : v.list().items;
  if (!ok() || !Charge(std::max<int64_t>(0, step > 0 ? end - begin : begin - end))) return Value();
  std::vector<Value> items;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    items.push_back(all[static_cast<size_t>(i)]);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  if (!v.is_string()) return MakeList(std::move(items), v.list().kind);
  Text text;
  for (const Value& item : items) text.Append(item.text());
  return Value(std::move(text.set_markup(v.text().markup())));
}

Value Interpreter::GetItem(const Value& v, const Value& key) {
  if (v.is_undefined()) return Fail(v.why_undefined());
  if (v.is_dict()) {
    if (!Charge(Weight(key))) return Value();
    if (const Value* found = v.dict().Find(key)) return *found;
  } else if (IsSequence(v) && key.is_integral()) {
    const auto size = static_cast<int64_t>(v.list().items.size());
    const int64_t i = key.integer() < 0 ? key.integer() + size : key.integer();
    if (i >= 0 && i < size) return v.list().items[static_cast<size_t>(i)];
  } else if (v.is_string() && key.is_integral()) {
    const std::string_view text = v.text().view();
    if (!Charge(static_cast<int64_t>(text.size()) / 16)) return Value();
    const int64_t i = key.integer() < 0 ? key.integer() + CharCount(text) : key.integer();
    const size_t at = i < 0 ? text.size() : CharOffset(text, i);
    if (at < text.size()) {
      Text part = v.text().Part(at, at + unicode::CharLength(text[at]));
      return Value(std::move(part.set_markup(v.text().markup())));
    }
  }
  if (key.is_string()) {
    const std::string name(key.text().view());
    if (!v.is_dict() || IsMethod(v, name)) return GetAttribute(v, name);
    return MakeUndefined(Owner(v) + " has no attribute '" + name.substr(0, 100) + "'");
  }
  if (!ok()) return Value();
  Text shown;
  if (Charge(Weight(key)) && !Repr(key, shown).ok()) shown = Text(TypeName(key), false);
  return MakeUndefined(Owner(v) + " has no element " + std::string(shown.view().substr(0, 100)));
}

Value Interpreter::GetAttribute(const Value& v, const std::string& name) {
  if (v.is_undefined()) return Fail(v.why_undefined());
  // As Jinja's sandbox: what may not be used is undefined.
  const auto unsafe = [&] {
    return MakeUndefined("access to attribute '" + name.substr(0, 100) + "' of " + Owner(v) +
                         " is unsafe: templates change no lists or dicts");
  };
  if (name.starts_with("__")) return unsafe();
  if (v.is_dict() || v.is_string() || v.is_list()) {
    static constexpr std::string_view kMutators[] = {"append",  "extend", "insert", "remove",
                                                     "reverse", "sort",   "clear",  "pop"};
    static constexpr std::string_view kDictMutators[] = {"clear", "pop", "popitem", "setdefault", "update"};
    const bool list = v.is_list() && v.list().kind == ListKind::kList;
    if ((list && std::find(std::begin(kMutators), std::end(kMutators), name) != std::end(kMutators)) ||
        (v.is_dict() &&
         std::find(std::begin(kDictMutators), std::end(kDictMutators), name) != std::end(kDictMutators))) {
      return unsafe();
    }
    if (IsMethod(v, name)) return Value(std::shared_ptr<Object>(std::make_shared<Method>(v, name)));
    if (v.is_dict()) {
      if (const Value* found = v.dict().Find(std::string_view(name))) return *found;
    }
    if (v.is_list() && v.list().group && (name == "grouper" || name == "list"))
      return v.list().items[name == "list" ? 1 : 0];
    if (v.is_string() && IsOtherStringMethod(name)) return Fail("str." + name + " is not supported");
  } else if (v.is_object()) {
    Object& object = v.object();
    if (object.type == Object::Type::kNamespace) {
      if (const Value* found = static_cast<Namespace&>(object).attributes.Find(std::string_view(name))) return *found;
    } else if (object.type == Object::Type::kCycler) {
      const auto& cycler = static_cast<Cycler&>(object);
      if (name == "current") return cycler.items[cycler.next];
      if (IsMethod(v, name)) return Value(std::shared_ptr<Object>(std::make_shared<Method>(v, name)));
    } else if (object.type == Object::Type::kLoop) {
      const auto& loop = static_cast<Loop&>(object);
      const auto index = static_cast<int64_t>(loop.index), length = static_cast<int64_t>(loop.items.size());
      if (name == "index") return Value(index + 1);
      if (name == "index0") return Value(index);
      if (name == "revindex") return Value(length - index);
      if (name == "revindex0") return Value(length - index - 1);
      if (name == "first") return Value(index == 0);
      if (name == "last") return Value(index + 1 == length);
      if (name == "length") return Value(length);
      if (name == "depth") return Value(int64_t{loop.depth});
      if (name == "depth0") return Value(int64_t{loop.depth} - 1);
      if (name == "previtem")
        return index > 0 ? loop.items[loop.index - 1] : MakeUndefined("there is no previous item");
      if (name == "nextitem")
        return index + 1 < length ? loop.items[loop.index + 1] : MakeUndefined("there is no next item");
      if (IsMethod(v, name)) return Value(std::shared_ptr<Object>(std::make_shared<Method>(v, name)));
    }
  }
  return MakeUndefined(Owner(v) + " has no attribute '" + name.substr(0, 100) + "'");
}

Value Interpreter::GetPath(Value v, const Value& path) {
  if (path.is_integral()) return GetItem(v, path);
  const std::string names = StrOf(path);
  for (size_t at = 0; at <= names.size() && ok();) {
    const size_t dot = std::min(names.find('.', at), names.size());
    const std::string name = names.substr(at, dot - at);
    const bool number = !name.empty() && name.size() < 18 && name.find_first_not_of("0123456789") == name.npos;
    v = GetItem(v, number ? Value(static_cast<int64_t>(std::stoll(name))) : Value::String(name));
    at = dot + 1;
  }
  return v;
}

}  // namespace lacuna::jinja
