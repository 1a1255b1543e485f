// The functions that every template has.
#include <ctime>

#include <chrono>

#include "tokenizer/chat/interpreter.h"

namespace lacuna::jinja {
namespace {

Value Range(Interpreter& in, Args& args) {
  constexpr int64_t kMax = 100000;  // Jinja's sandbox
  const auto bound = in.Bind("range", args, {"start", "stop", "step"});
  if (in.ok() && bound[0] == nullptr) return in.Fail("range needs a number");
  const int64_t first = in.IntOr(bound[0], 0, "range's arguments");
  const int64_t start = bound[1] == nullptr ? 0 : first;
  const int64_t stop = in.IntOr(bound[1], first, "range's arguments");
  const int64_t step = in.IntOr(bound[2], 1, "range's arguments");
  if (!in.ok()) return Value();
  if (step == 0) return in.Fail("range's step cannot be zero");
  const bool empty = step > 0 ? start >= stop : start <= stop;
  const uint64_t distance = empty ? 0 : step > 0 ? uint64_t(stop) - uint64_t(start) : uint64_t(start) - uint64_t(stop);
  const uint64_t stride = step > 0 ? uint64_t(step) : -uint64_t(step);
  const uint64_t count = distance == 0 ? 0 : (distance - 1) / stride + 1;
  if (count > kMax) return in.Fail("range: " + std::to_string(count) + " numbers, at most " + std::to_string(kMax));
  if (!in.Charge(static_cast<int64_t>(count))) return Value();
  std::vector<Value> items;
  items.reserve(count);
  for (uint64_t i = 0; i < count; ++i) items.emplace_back(static_cast<int64_t>(uint64_t(start) + i * uint64_t(step)));
  return MakeList(std::move(items), ListKind::kRange);
}

// What dict(..) and namespace(..) take: another dict or pairs, then names.
bool TakeAttributes(Interpreter& in, const Args& args, const char* what, Dict& dict) {
  if (args.positional.size() > 1) return in.Fail(std::string(what) + " takes one positional argument at most"), false;
  for (const Value& from : args.positional) {
    if (from.is_dict()) {
      if (!in.Charge(static_cast<int64_t>(from.dict().items.size()))) return false;
      dict = from.dict();
      continue;
    }
    for (const Value& pair : in.Items(from)) {
      const std::vector<Value> both = in.Items(pair);
      if (!in.ok()) return false;
      if (both.size() != 2 || !dict.Set(both[0], both[1]))
        return in.Fail(std::string(what) + " needs pairs of a key and a value"), false;
    }
  }
  // ** may have taken the names from the conversation.
  for (const auto& [name, value] : args.named) dict.Set(Value(Text(name, true)), value);
  return in.ok();
}

Value DictOf(Interpreter& in, Args& args) {
  Dict dict;
  return TakeAttributes(in, args, "dict", dict) ? MakeDict(std::move(dict)) : Value();
}

Value NamespaceOf(Interpreter& in, Args& args) {
  Dict dict;
  if (!TakeAttributes(in, args, "namespace", dict)) return Value();
  for (const auto& [key, value] : dict.items) {
    if (key.is_string() && key.text().view().starts_with("_"))
      return in.Fail("attributes of a namespace cannot begin with _");
  }
  return in.NewNamespace(std::move(dict));
}

Value CyclerOf(Interpreter& in, Args& args) {
  if (args.positional.empty() || !args.named.empty()) return in.Fail("cycler needs at least one value, and no names");
  auto cycler = std::make_shared<Cycler>();
  cycler->items = args.positional;
  return Value(std::shared_ptr<Object>(std::move(cycler)));
}

Value JoinerOf(Interpreter& in, Args& args) {
  const Value* separator = in.Bind("joiner", args, {"sep"})[0];
  return Value(
      std::shared_ptr<Object>(std::make_shared<Joiner>(separator == nullptr ? Value::String(", ") : *separator)));
}

Value RaiseException(Interpreter& in, Args& args) {
  const Value* message = in.Bind("raise_exception", args, {"message"})[0];
  if (!in.ok()) return Value();
  return in.Fail("the template refuses: " + (message == nullptr ? "(no reason)" : in.StrOf(*message).substr(0, 1000)));
}

Value StrftimeNow(Interpreter& in, Args& args) {
  const Value* format = in.Bind("strftime_now", args, {"format"})[0];
  if (!in.ok()) return Value();
  if (format == nullptr || !format->is_string()) return in.Fail("strftime_now needs a format");
  const std::string text(format->text().view());
  if (text.size() > 1000) return in.Fail("strftime_now: the format has over 1000 bytes");
  const auto clock = std::chrono::system_clock::now().time_since_epoch();
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(clock).count();
  const std::time_t seconds =
      in.now() ? static_cast<std::time_t>(*in.now()) : static_cast<std::time_t>(micros / 1000000);
  // %f is Python's own: microseconds.
  std::string own;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 1 < text.size() && text[i + 1] == 'f') {
      const std::string digits = std::to_string(in.now() ? 0 : micros % 1000000);
      own += std::string(6 - digits.size(), '0') + digits;
      ++i;
    } else {
      own += text[i];
      if (text[i] == '%' && i + 1 < text.size()) own += text[++i];
    }
  }
  std::tm local{};
  localtime_r(&seconds, &local);
  std::string out(own.size() * 64 + 64, '\0');
  out.resize(std::strftime(out.data(), out.size(), own.c_str(), &local));
  return Value(Text(out, !format->text().input().empty()));
}

}  // namespace

Value GlobalFunction(std::string_view name) {
  static const std::pair<std::string_view, Value> kFunctions[] = {
#define FUNCTION(name, body) {name, Value(std::shared_ptr<Object>(std::make_shared<Function>(name, body)))}
      FUNCTION("range", Range),
      FUNCTION("dict", DictOf),
      FUNCTION("namespace", NamespaceOf),
      FUNCTION("cycler", CyclerOf),
      FUNCTION("joiner", JoinerOf),
      FUNCTION("raise_exception", RaiseException),
      FUNCTION("strftime_now", StrftimeNow),
#undef FUNCTION
  };
  for (const auto& [known, function] : kFunctions) {
    if (known == name) return function;
  }
  return Value();
}

}  // namespace lacuna::jinja
