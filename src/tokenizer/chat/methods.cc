// Methods of strings, dicts, lists, loops and cyclers, and the call of whatever can be called.
#include <algorithm>
#include <iterator>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/strings.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

constexpr std::string_view kStringMethods[] = {
    "capitalize", "casefold",   "center",  "count",     "endswith",   "find",      "format",       "index",
    "isalnum",    "isalpha",    "isascii", "isdecimal", "isdigit",    "islower",   "isnumeric",    "isspace",
    "isupper",    "join",       "ljust",   "lower",     "lstrip",     "partition", "removeprefix", "removesuffix",
    "replace",    "rfind",      "rindex",  "rjust",     "rpartition", "rsplit",    "rstrip",       "split",
    "splitlines", "startswith", "strip",   "swapcase",  "title",      "upper",     "zfill"};
constexpr std::string_view kOtherStringMethods[] = {"encode",      "expandtabs", "format_map", "isidentifier",
                                                    "isprintable", "istitle",    "maketrans",  "translate"};
constexpr std::string_view kDictMethods[] = {"get", "items", "keys", "values", "copy"};
constexpr std::string_view kListMethods[] = {"index", "count", "copy"};
constexpr std::string_view kLoopMethods[] = {"cycle", "changed"};
constexpr std::string_view kCyclerMethods[] = {"next", "reset"};

template <size_t N>
bool Among(const std::string_view (&names)[N], std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

template <typename Test>
bool AllChars(std::string_view text, Test test) {
  for (size_t pos = 0; pos < text.size();) {
    if (!test(unicode::Next(text, pos))) return false;
  }
  return !text.empty();
}

// islower: a cased character, and none of the other case.
bool HasOnlyCase(std::string_view text, bool upper) {
  bool any = false;
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = unicode::Next(text, pos);
    if (upper ? IsLowerCase(c) : IsUpperCase(c)) return false;
    any |= upper ? IsUpperCase(c) : IsLowerCase(c);
  }
  return any;
}

class StringMethods {
 public:
  StringMethods(Interpreter& in, const Text& self, const std::string& name, Args& args)
      : in_(in), self_(self), name_(name), what_("str." + name), args_(args) {}

  // What comes of escaped text is escaped text.
  Value Call() {
    Value result = CallPlain();
    if (!self_.markup() || !in_.ok()) return result;
    if (result.is_string()) return Value(std::move(Text(result.text()).set_markup(true)));
    if (!result.is_list()) return result;
    std::vector<Value> parts;
    for (const Value& part : result.list().items) parts.emplace_back(std::move(Text(part.text()).set_markup(true)));
    return MakeList(std::move(parts), result.list().kind);
  }

 private:
  Value CallPlain() {
    const std::string_view text = self_.view();
    if (!in_.Charge(1 + static_cast<int64_t>(text.size()) / 16)) return Value();
    if (name_ == "format") return FormatBraces(in_, Value(self_), args_);
    if (name_ == "strip" || name_ == "lstrip" || name_ == "rstrip") {
      const Text* chars = TextOr(Take({"chars"})[0]);
      if (!in_.ok() || (chars != nullptr && !in_.Charge(static_cast<int64_t>(chars->size())))) return Value();
      return Strip(self_, chars, name_ != "rstrip", name_ != "lstrip");
    }
    if (name_ == "split" || name_ == "rsplit") {
      const auto args = Take({"sep", "maxsplit"});
      const Text* separator = TextOr(args[0]);
      const int64_t count = in_.IntOr(args[1], -1, "maxsplit");
      if (!in_.ok()) return Value();
      if (separator != nullptr && separator->empty()) return in_.Fail(what_ + ": the separator is empty");
      return List(Split(self_, separator, count, name_ == "rsplit"));
    }
    if (name_ == "splitlines") {
      const Value* keep = Take({"keepends"})[0];
      return List(SplitLines(self_, keep != nullptr && Truth(*keep)));
    }
    if (name_ == "startswith" || name_ == "endswith") return StartsOrEnds();
    if (name_ == "upper") return None(ChangeCase(self_, Case::kUpper));
    if (name_ == "lower") return None(ChangeCase(self_, Case::kLower));
    if (name_ == "casefold") return None(ChangeCase(self_, Case::kFold));
    if (name_ == "capitalize") return None(ChangeCase(self_, Case::kCapitalize));
    if (name_ == "title") return None(ChangeCase(self_, Case::kTitle));
    if (name_ == "swapcase") return None(ChangeCase(self_, Case::kSwap));
    if (name_ == "replace") {
      const auto args = Take({"old", "new", "count"});
      const Text *from = Required(args[0]), *to = Required(args[1]);
      if (from == nullptr || to == nullptr) return Value();
      const Text by = self_.markup() ? Escape(*to) : *to;
      Text out = Replace(self_, *from, by, in_.IntOr(args[2], -1, "count"), kMaxBytes);
      return in_.Fits(static_cast<int64_t>(out.size())) ? Value(std::move(out)) : Value();
    }
    if (name_ == "find" || name_ == "rfind" || name_ == "index" || name_ == "rindex" || name_ == "count")
      return Search();
    if (name_ == "partition" || name_ == "rpartition") return Partition();
    if (name_ == "removeprefix" || name_ == "removesuffix") {
      const Text* part = Required(Take({"affix"})[0]);
      if (part == nullptr) return Value();
      if (name_ == "removeprefix") return self_.Part(text.starts_with(part->view()) ? part->size() : 0, text.size());
      return self_.Part(0, text.size() - (text.ends_with(part->view()) ? part->size() : 0));
    }
    if (name_ == "join") return Join();
    if (name_ == "center" || name_ == "ljust" || name_ == "rjust" || name_ == "zfill") return Fill();
    return Value(Property());
  }

  static constexpr int64_t kMaxBytes = int64_t{64} << 20;

  std::vector<const Value*> Take(std::initializer_list<const char*> names) { return in_.Bind(what_, args_, names); }
  Value None(Text result) {
    Take({});
    return Value(std::move(result));
  }
  Value List(std::vector<Value> items) {
    return in_.Charge(8 * static_cast<int64_t>(items.size())) ? MakeList(std::move(items)) : Value();
  }
  // Null for an absent argument and for None.
  const Text* TextOr(const Value* v) {
    if (v == nullptr || v->is_none()) return nullptr;
    if (!v->is_string()) return in_.Fail(what_ + " needs text, not " + TypeName(*v)), nullptr;
    return &v->text();
  }
  const Text* Required(const Value* v) {
    if (v == nullptr && in_.ok()) in_.Fail(what_ + ": an argument is missing");
    const Text* text = in_.ok() ? TextOr(v) : nullptr;
    if (text == nullptr && in_.ok()) in_.Fail(what_ + " needs text, not None");
    return text;
  }

  // Characters `start` to `end` of the text, as bytes.
  bool Window(const Value* start, const Value* end, size_t& from, size_t& to) {
    const std::string_view text = self_.view();
    const int64_t size = start == nullptr && end == nullptr ? 0 : CharCount(text);
    const auto place = [&](const Value* v, int64_t absent) {
      const int64_t i = in_.IntOr(v, absent, "start and end");
      return i < 0 ? std::max<int64_t>(0, i + size) : i;
    };
    const int64_t first = place(start, 0), last = place(end, size);
    if (first > size && start != nullptr) return false;  // not even "" is there
    from = start == nullptr ? 0 : CharOffset(text, first);
    to = end == nullptr ? text.size() : CharOffset(text, last);
    return from <= to;
  }

  Value StartsOrEnds() {
    const auto args = Take({"affix", "start", "end"});
    if (!in_.ok()) return Value();
    if (args[0] == nullptr) return in_.Fail(what_ + ": an argument is missing");
    size_t from = 0, to = 0;
    if (!Window(args[1], args[2], from, to)) return Value(false);
    const std::string_view text = self_.view().substr(from, to - from);
    const bool tuple = args[0]->is_list() && args[0]->list().kind == ListKind::kTuple;
    for (const Value& affix : tuple ? args[0]->list().items : std::vector<Value>{*args[0]}) {
      const Text* part = Required(&affix);
      if (part == nullptr) return Value();
      if (name_ == "startswith" ? text.starts_with(part->view()) : text.ends_with(part->view())) return Value(true);
    }
    return Value(false);
  }

  Value Search() {
    const auto args = Take({"sub", "start", "end"});
    const Text* part = in_.ok() ? Required(args[0]) : nullptr;
    if (part == nullptr) return Value();
    size_t from = 0, to = 0;
    const bool inside = Window(args[1], args[2], from, to);
    const std::string_view text = self_.view();
    const std::string_view window = inside ? text.substr(0, to) : "";
    if (name_ == "count") {
      if (part->empty()) return Value(inside ? CharCount(window.substr(from)) + 1 : int64_t{0});
      int64_t count = 0;
      for (size_t at = from; inside && (at = Find(window, part->view(), at)) != window.npos; at += part->size())
        ++count;
      return Value(count);
    }
    size_t at = window.npos;
    if (inside) at = name_[0] == 'r' ? FindLast(window, part->view()) : Find(window, part->view(), from);
    if (at != window.npos && at < from) at = window.npos;
    if (at != window.npos) return Value(CharCount(text.substr(0, at)));
    if (name_ == "index" || name_ == "rindex") return in_.Fail(what_ + ": the text is not there");
    return Value(int64_t{-1});
  }

  Value Partition() {
    const Text* separator = Required(Take({"sep"})[0]);
    if (separator == nullptr) return Value();
    if (separator->empty()) return in_.Fail(what_ + ": the separator is empty");
    const std::string_view text = self_.view();
    const bool right = name_ == "rpartition";
    const size_t at = right ? FindLast(text, separator->view()) : Find(text, separator->view());
    const auto part = [&](size_t begin, size_t end) { return Value(self_.Part(begin, end)); };
    std::vector<Value> parts;
    if (at != text.npos) {
      parts = {part(0, at), part(at, at + separator->size()), part(at + separator->size(), text.size())};
    } else if (right) {
      parts = {Value(Text()), Value(Text()), Value(self_)};
    } else {
      parts = {Value(self_), Value(Text()), Value(Text())};
    }
    return MakeList(std::move(parts), ListKind::kTuple);
  }

  Value Join() {
    const Value* items = Take({"iterable"})[0];
    if (!in_.ok()) return Value();
    if (items == nullptr) return in_.Fail(what_ + ": an argument is missing");
    Text out;
    bool first = true;
    for (const Value& item : in_.Items(*items)) {
      if (!item.is_string()) return in_.Fail(what_ + " needs text, not " + TypeName(item));
      if (!first) out.Append(self_);
      first = false;
      out.Append(self_.markup() ? Escape(item.text()) : item.text());
      if (!in_.Fits(static_cast<int64_t>(out.size()))) return Value();
    }
    return Value(std::move(out));
  }

  Value Fill() {
    const auto args = Take({"width", "fillchar"});
    const int64_t width = in_.IntOr(args[0], 0, "width");
    const Text* fill = TextOr(args[1]);
    if (!in_.Fits(width) || !in_.Charge(std::max<int64_t>(0, width) / 4)) return Value();
    const Text escaped = fill != nullptr && self_.markup() ? Escape(*fill) : Text();
    if (escaped.size() > 1) fill = &escaped;  // & and < become several characters
    if (fill != nullptr && CharCount(fill->view()) != 1) return in_.Fail(what_ + " fills with one character");
    if (name_ == "zfill") {
      const std::string_view text = self_.view();
      const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
      Text out = self_.Part(0, sign);
      out.Append(
          Pad(self_.Part(sign, text.size()), width - static_cast<int64_t>(sign), Align::kRight, Text("0", false)));
      return Value(std::move(out));
    }
    const Align align = name_ == "center" ? Align::kCenter : name_ == "ljust" ? Align::kLeft : Align::kRight;
    return Value(fill == nullptr ? Pad(self_, width, align) : Pad(self_, width, align, *fill));
  }

  bool Property() {
    Take({});
    const std::string_view text = self_.view();
    if (name_ == "isspace") return AllChars(text, IsSpace);
    if (name_ == "isalpha") return AllChars(text, IsLetter);
    if (name_ == "isdigit" || name_ == "isdecimal") return AllChars(text, IsDecimalDigit);
    if (name_ == "isnumeric") return AllChars(text, unicode::IsNumber);
    if (name_ == "isalnum") return AllChars(text, [](char32_t c) { return IsLetter(c) || unicode::IsNumber(c); });
    if (name_ == "isascii") return text.empty() || AllChars(text, [](char32_t c) { return c < 0x80; });
    return HasOnlyCase(text, name_ == "isupper");
  }

  Interpreter& in_;
  const Text& self_;
  const std::string& name_;
  const std::string what_;
  Args& args_;
};

}  // namespace

bool IsOtherStringMethod(std::string_view name) { return Among(kOtherStringMethods, name); }

bool IsMethod(const Value& v, std::string_view name) {
  if (v.is_string()) return Among(kStringMethods, name);
  if (v.is_dict()) return Among(kDictMethods, name);
  if (v.is_list()) return v.list().kind <= ListKind::kRange && Among(kListMethods, name);
  if (!v.is_object()) return false;
  if (v.object().type == Object::Type::kLoop) return Among(kLoopMethods, name);
  return v.object().type == Object::Type::kCycler && Among(kCyclerMethods, name);
}

Value Interpreter::CallMethod(const Value& self, const std::string& name, Args& args) {
  if (self.is_string()) return StringMethods(*this, self.text(), name, args).Call();
  if (self.is_dict()) {
    if (name == "get") {
      const auto bound = Bind("dict.get", args, {"key", "default"});
      if (!ok()) return Value();
      if (bound[0] == nullptr) return Fail("dict.get: the key is missing");
      const Value* found = self.dict().Find(*bound[0]);
      return found != nullptr ? *found : bound[1] != nullptr ? *bound[1] : Value(None{});
    }
    Bind("dict." + name, args, {});
    if (!Charge(static_cast<int64_t>(self.dict().items.size()))) return Value();
    if (name == "copy") return self;
    std::vector<Value> items;
    for (const auto& [key, value] : self.dict().items) {
      items.push_back(name == "keys" ? key : name == "values" ? value : MakeList({key, value}, ListKind::kTuple));
    }
    return MakeList(std::move(items), name == "keys"     ? ListKind::kKeys
                                      : name == "values" ? ListKind::kValues
                                                         : ListKind::kItems);
  }
  if (self.is_list()) {
    if (name == "copy") return Bind("list.copy", args, {}), self;
    const Value* wanted = Bind("list." + name, args, {"value"})[0];
    if (!ok()) return Value();
    if (wanted == nullptr) return Fail("list." + name + ": an argument is missing");
    int64_t count = 0, at = 0;
    for (const Value& item : Items(self)) {
      if (IsEqual(item, *wanted)) {
        if (name == "index") return Value(at);
        ++count;
      }
      ++at;
    }
    return name == "count" ? Value(count) : Fail("list.index: the value is not in the list");
  }
  if (self.object().type == Object::Type::kCycler) {
    auto& cycler = static_cast<Cycler&>(self.object());
    Bind("cycler." + name, args, {});
    if (name == "reset") return cycler.next = 0, Value(None{});
    const Value current = cycler.items[cycler.next];
    cycler.next = (cycler.next + 1) % cycler.items.size();
    return current;
  }
  auto& loop = static_cast<Loop&>(self.object());
  if (name == "cycle") {
    if (args.positional.empty()) return Fail("loop.cycle needs something to cycle through");
    return args.positional[loop.index % args.positional.size()];
  }
  Value now = MakeList(args.positional, ListKind::kTuple);
  if (loop.changed && IsEqual(*loop.changed, now)) return Value(false);
  if (Depth(now) > 50) return Fail("loop.changed: the values are nested too deep");
  loop.changed = std::move(now);
  return Value(true);
}

Value Interpreter::Call(const Value& callee, Args& args) {
  if (callee.is_undefined()) return Fail(callee.why_undefined());
  if (!callee.is_object()) return Fail("a value of type " + TypeName(callee) + " cannot be called");
  Object& object = callee.object();
  switch (object.type) {
    case Object::Type::kFunction:
      return static_cast<Function&>(object).body(*this, args);
    case Object::Type::kMethod:
      return CallMethod(static_cast<Method&>(object).self, static_cast<Method&>(object).name, args);
    case Object::Type::kMacro:
      return CallMacro(static_cast<Macro&>(object), args);
    case Object::Type::kLoop: {
      const Value* items = Bind("loop", args, {"iterable"})[0];
      if (ok() && items == nullptr) return Fail("loop(..) needs what to walk through");
      return ok() ? RunLoop(static_cast<Loop&>(object), *items) : Value();
    }
    case Object::Type::kJoiner: {
      auto& joiner = static_cast<Joiner&>(object);
      return std::exchange(joiner.used, true) ? joiner.separator : Value(Text());
    }
    default:
      return Fail("a value of type " + TypeName(callee) + " cannot be called");
  }
}

std::vector<const Value*> Interpreter::Bind(const std::string& what, const Args& args,
                                            std::initializer_list<const char*> names) {
  std::vector<const Value*> bound(std::max<size_t>(names.size(), 1), nullptr);
  if (args.positional.size() > names.size()) {
    Fail(what + " takes at most " + std::to_string(names.size()) + " arguments, got " +
         std::to_string(args.positional.size()));
    return bound;
  }
  for (size_t i = 0; i < args.positional.size(); ++i) bound[i] = &args.positional[i];
  for (const auto& [name, value] : args.named) {
    const auto it = std::find(names.begin(), names.end(), name);
    const auto at = static_cast<size_t>(it - names.begin());
    if (it == names.end() || bound[at] != nullptr) {
      Fail(what + (it == names.end() ? " takes no argument '" : " got twice the argument '") + name + "'");
      return bound;
    }
    bound[at] = &value;
  }
  return bound;
}

int64_t Interpreter::IntOr(const Value* value, int64_t absent, const char* what) {
  if (value == nullptr || value->is_none()) return absent;
  if (value->is_integral()) return value->integer();
  Fail(std::string(what) + " should be a whole number, not " + TypeName(*value));
  return absent;
}

}  // namespace lacuna::jinja
