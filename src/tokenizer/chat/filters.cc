// Filters, with the arguments and defaults that Jinja gives them; tojson is transformers' own.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/strings.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

using Filter = Value (*)(Interpreter& in, const Value& v, Args& args);
using Bound = std::vector<const Value*>;

bool Flag(const Value* v, bool absent) { return v == nullptr ? absent : Truth(*v); }

// Text in lower case where case does not count.
Value Folded(const Value& v, bool case_sensitive) {
  return v.is_string() && !case_sensitive ? Value(ChangeCase(v.text(), Case::kLower)) : v;
}

Value Default(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("default", args, {"default_value", "boolean"});
  if (v.is_undefined() || (Flag(b[1], false) && !Truth(v))) return b[0] == nullptr ? Value(Text()) : *b[0];
  return v;
}

Value Length(Interpreter& in, const Value& v, Args& args) {
  in.Bind("length", args, {});
  if (v.is_undefined()) return Value(int64_t{0});
  if (v.is_string()) return in.Charge(Weight(v)) ? Value(CharCount(v.text().view())) : Value();
  if (v.is_dict()) return Value(static_cast<int64_t>(v.dict().items.size()));
  if (v.is_list() && v.list().kind != ListKind::kGenerator) return Value(static_cast<int64_t>(v.list().items.size()));
  return in.Fail("length: a value of type " + TypeName(v) + " has no length");
}

Value First(Interpreter& in, const Value& v, Args& args) {
  in.Bind("first", args, {});
  const std::vector<Value> items = in.Items(v);
  return items.empty() ? in.MakeUndefined("there is no first item, the sequence was empty") : items.front();
}

Value Last(Interpreter& in, const Value& v, Args& args) {
  in.Bind("last", args, {});
  const std::vector<Value> items = in.Items(v);
  return items.empty() ? in.MakeUndefined("there is no last item, the sequence was empty") : items.back();
}

Value Join(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("join", args, {"d", "attribute"});
  const Value separator = b[0] == nullptr ? Value(Text()) : in.Str(*b[0]);
  Text out;
  bool first = true;
  for (const Value& item : in.Items(v)) {
    const Value text = in.Str(b[1] == nullptr || b[1]->is_none() ? item : in.GetPath(item, *b[1]));
    if (!in.ok()) return Value();
    if (!first) out.Append(separator.text());
    first = false;
    out.Append(text.text());
    if (!in.Fits(static_cast<int64_t>(out.size()))) return Value();
  }
  return in.ok() ? Value(std::move(out)) : Value();
}

Value Trim(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("trim", args, {"chars"});
  const Value text = in.Str(v);
  const Value chars = b[0] == nullptr || b[0]->is_none() ? Value() : in.Str(*b[0]);
  if (!in.ok()) return Value();
  return Strip(text.text(), chars.is_string() ? &chars.text() : nullptr, true, true);
}

template <Case how>
Value CaseFilter(Interpreter& in, const Value& v, Args& args) {
  in.Bind("the filter", args, {});
  const Value text = in.Str(v);
  return in.ok() ? Value(ChangeCase(text.text(), how)) : Value();
}

// Words are cut at white space, - and opening brackets only.
Value Title(Interpreter& in, const Value& v, Args& args) {
  in.Bind("title", args, {});
  const Value value = in.Str(v);
  if (!in.ok()) return Value();
  const Text& text = value.text();
  Text out;
  bool inside = false;
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const char32_t c = unicode::Next(text.view(), pos);
    const Text part = text.Part(begin, pos);
    out.Append(ChangeCase(part, inside ? Case::kLower : Case::kUpper));
    inside = !(IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<');
  }
  return Value(std::move(out));
}

Value ReplaceFilter(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("replace", args, {"old", "new", "count"});
  if (in.ok() && (b[0] == nullptr || b[1] == nullptr)) return in.Fail("replace needs what to replace, and by what");
  if (!in.ok()) return Value();
  const Value text = in.Str(v), from = in.Str(*b[0]), to = in.Str(*b[1]);
  const int64_t count = in.IntOr(b[2], -1, "replace's count");
  if (!in.ok()) return Value();
  Text out = Replace(text.text(), from.text(), to.text(), count, int64_t{64} << 20);
  return in.Fits(static_cast<int64_t>(out.size())) ? Value(std::move(out)) : Value();
}

Value Indent(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("indent", args, {"width", "first", "blank"});
  if (v.is_undefined()) return in.Fail(v.why_undefined());
  if (!v.is_string()) return in.Fail("indent: needs a text, not " + TypeName(v));
  Text indent;
  if (b[0] != nullptr && b[0]->is_string()) {
    indent = b[0]->text();
  } else {
    const int64_t width = in.IntOr(b[0], 4, "indent's width");
    if (!in.ok() || !in.Fits(width)) return Value();
    indent = Text(std::string(static_cast<size_t>(std::max<int64_t>(0, width)), ' '), false);
  }
  if (!in.ok()) return Value();
  Text whole(v.text());
  whole.Append("\n", false);
  const std::vector<Value> lines = SplitLines(whole, false);
  if (!in.Charge(8 * static_cast<int64_t>(lines.size()))) return Value();
  Text out;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out.Append("\n", false);
    if (i == 0 ? Flag(b[1], false) : Flag(b[2], false) || !lines[i].text().empty()) out.Append(indent);
    out.Append(lines[i].text());
    if (!in.Fits(static_cast<int64_t>(out.size()))) return Value();
  }
  return Value(std::move(out));
}

Value ToJson(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = Flag(b[0], false);
  style.sort_keys = Flag(b[3], false);
  if (b[1] != nullptr && !b[1]->is_none()) {
    style.indented = true;
    style.item_separator = ",";
    const int64_t width = b[1]->is_string() ? 0 : in.IntOr(b[1], 0, "tojson's indent");
    if (width > 100) return in.Fail("tojson: indent is " + std::to_string(width) + ", at most 100 are supported");
    style.indent = b[1]->is_string() ? std::string(b[1]->text().view())
                                     : std::string(static_cast<size_t>(std::max<int64_t>(0, width)), ' ');
  }
  if (b[2] != nullptr && !b[2]->is_none()) {
    const std::vector<Value> both = in.Items(*b[2]);
    if (both.size() != 2 || !both[0].is_string() || !both[1].is_string())
      return in.Fail("tojson: separators should be two texts");
    style.item_separator = both[0].text().view();
    style.key_separator = both[1].text().view();
  }
  const auto cost = static_cast<int64_t>(
      1 + (style.indent.size() * static_cast<size_t>(Depth(v)) + style.item_separator.size()) / 16);
  if (!in.ok() || !in.Charge(std::min<int64_t>(Weight(v), int64_t{1} << 40) * std::min<int64_t>(cost, 1 << 20)))
    return Value();
  Text out;
  if (const Status status = PrintJson(v, style, out); !status.ok()) return in.Fail(status);
  return in.Fits(static_cast<int64_t>(out.size())) ? Value(std::move(out)) : Value();
}

Value ListOf(Interpreter& in, const Value& v, Args& args) {
  in.Bind("list", args, {});
  return MakeList(in.Items(v));
}

Value ItemsOf(Interpreter& in, const Value& v, Args& args) {
  in.Bind("items", args, {});
  if (!v.is_dict() && !v.is_undefined()) return in.Fail("items: needs a dict, not " + TypeName(v));
  std::vector<Value> items;
  if (v.is_dict() && in.Charge(static_cast<int64_t>(v.dict().items.size()))) {
    for (const auto& [key, value] : v.dict().items) items.push_back(MakeList({key, value}, ListKind::kTuple));
  }
  return MakeList(std::move(items), ListKind::kGenerator);
}

Value Reverse(Interpreter& in, const Value& v, Args& args) {
  in.Bind("reverse", args, {});
  if (v.is_string()) return in.Slice(v, Value(None{}), Value(None{}), Value(int64_t{-1}));
  std::vector<Value> items = in.Items(v);
  std::reverse(items.begin(), items.end());
  return MakeList(std::move(items), ListKind::kGenerator);
}

// Sorts by order(a, b) < 0, each key computed once; stable.
void SortBy(Interpreter& in, std::vector<Value>& items, const std::vector<Value>& keys, bool reverse) {
  std::vector<size_t> order(items.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  // An error makes every comparison false, which std::stable_sort survives.
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (!in.ok() || !in.Charge(1)) return false;
    return reverse ? in.Order(keys[b], keys[a]) < 0 : in.Order(keys[a], keys[b]) < 0;
  });
  std::vector<Value> sorted;
  for (const size_t i : order) sorted.push_back(items[i]);
  items = std::move(sorted);
}

// The value that sort, unique, min, max compare: a list of several for 'a,b'.
Value KeyOf(Interpreter& in, const Value& item, const Value* attribute, bool case_sensitive) {
  if (attribute == nullptr || attribute->is_none()) return Folded(item, case_sensitive);
  if (attribute->is_string() && attribute->text().view().find(',') != std::string_view::npos) {
    std::vector<Value> parts;
    const Text comma(",", false);
    for (const Value& path : Split(attribute->text(), &comma, -1, false))
      parts.push_back(Folded(in.GetPath(item, path), case_sensitive));
    return MakeList(std::move(parts));
  }
  return Folded(in.GetPath(item, *attribute), case_sensitive);
}

Value Sort(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("sort", args, {"reverse", "case_sensitive", "attribute"});
  std::vector<Value> items = in.Items(v), keys;
  for (const Value& item : items) {
    if (!in.ok()) return Value();
    keys.push_back(KeyOf(in, item, b[2], Flag(b[1], false)));
  }
  if (in.ok()) SortBy(in, items, keys, Flag(b[0], false));
  return MakeList(std::move(items));
}

Value DictSort(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("dictsort", args, {"case_sensitive", "by", "reverse"});
  if (!v.is_dict()) return in.Fail("dictsort: needs a dict, not " + TypeName(v));
  const std::string by = b[1] == nullptr ? "key" : in.StrOf(*b[1]);
  if (in.ok() && by != "key" && by != "value") return in.Fail("dictsort: by should be 'key' or 'value'");
  std::vector<Value> items, keys;
  for (const auto& [key, value] : v.dict().items) {
    if (!in.Charge(2)) return Value();
    items.push_back(MakeList({key, value}, ListKind::kTuple));
    keys.push_back(Folded(by == "key" ? key : value, Flag(b[0], false)));
  }
  SortBy(in, items, keys, Flag(b[2], false));
  return MakeList(std::move(items));
}

Value Unique(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("unique", args, {"case_sensitive", "attribute"});
  Dict seen;
  std::vector<Value> kept;
  for (const Value& item : in.Items(v)) {
    const Value key = KeyOf(in, item, b[1], Flag(b[0], false));
    if (!in.ok() || !in.Charge(Weight(key))) return Value();
    const size_t before = seen.items.size();
    if (!seen.Set(key, Value(true))) return in.Fail("unique: a value of type " + TypeName(key) + " cannot be compared");
    if (seen.items.size() > before) kept.push_back(item);
  }
  return MakeList(std::move(kept), ListKind::kGenerator);
}

template <int sign>
Value Extreme(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind(sign < 0 ? "min" : "max", args, {"case_sensitive", "attribute"});
  Value best, best_key;
  bool any = false;
  for (const Value& item : in.Items(v)) {
    const Value key = KeyOf(in, item, b[1], Flag(b[0], false));
    if (!in.ok()) return Value();
    if (!any || in.Order(key, best_key) * sign > 0) best = item, best_key = key;
    any = true;
  }
  return any ? best : in.MakeUndefined("no aggregated item, the sequence was empty");
}

Value Sum(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("sum", args, {"attribute", "start"});
  Value total = b[1] == nullptr ? Value(int64_t{0}) : *b[1];
  for (const Value& item : in.Items(v)) {
    if (!in.ok()) return Value();
    total = in.Binary("+", total, b[0] == nullptr || b[0]->is_none() ? item : in.GetPath(item, *b[0]));
  }
  return total;
}

// As Jinja's map and select begin: what is false (none, 0) has no items, and is no error.
std::vector<Value> ItemsIfTrue(Interpreter& in, const Value& v) {
  return Truth(v) ? in.Items(v) : std::vector<Value>();
}

Value Map(Interpreter& in, const Value& v, Args& args) {
  std::vector<Value> out;
  if (args.positional.empty()) {
    const Bound b = in.Bind("map", args, {"attribute", "default"});
    if (in.ok() && b[0] == nullptr) return in.Fail("map needs a filter's name or attribute=");
    for (const Value& item : ItemsIfTrue(in, v)) {
      if (!in.ok()) return Value();
      const Value value = in.GetPath(item, *b[0]);
      out.push_back(value.is_undefined() && b[1] != nullptr ? *b[1] : value);
    }
  } else {
    const std::string name = in.StrOf(args.positional[0]);
    Args rest{{args.positional.begin() + 1, args.positional.end()}, args.named};
    for (const Value& item : ItemsIfTrue(in, v)) {
      if (!in.ok() || !in.Charge(1)) return Value();
      out.push_back(in.CallFilter(name, item, rest));
    }
  }
  return MakeList(std::move(out), ListKind::kGenerator);
}

// select, reject and, with an attribute first, selectattr and rejectattr.
template <bool keep, bool attribute>
Value Select(Interpreter& in, const Value& v, Args& args) {
  size_t used = 0;
  Value path;
  if (attribute) {
    if (args.positional.empty()) return in.Fail("selectattr and rejectattr need an attribute's name");
    path = args.positional[used++];
  }
  std::string test;
  if (used < args.positional.size()) test = in.StrOf(args.positional[used++]);
  Args rest{{args.positional.begin() + static_cast<std::ptrdiff_t>(used), args.positional.end()}, args.named};
  std::vector<Value> out;
  for (const Value& item : ItemsIfTrue(in, v)) {
    if (!in.ok() || !in.Charge(1)) return Value();
    const Value value = attribute ? in.GetPath(item, path) : item;
    if ((test.empty() ? Truth(value) : in.CallTest(test, value, rest)) == keep) out.push_back(item);
  }
  return MakeList(std::move(out), ListKind::kGenerator);
}

Value Batch(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("batch", args, {"linecount", "fill_with"});
  const int64_t count = in.IntOr(b[0], 0, "batch's linecount");
  if (in.ok() && (count < 1 || count > 100000)) return in.Fail("batch needs a number of items from 1 to 100000");
  std::vector<Value> rows, row;
  for (const Value& item : in.Items(v)) {
    if (static_cast<int64_t>(row.size()) == count) rows.push_back(MakeList(std::exchange(row, {})));
    row.push_back(item);
  }
  if (!in.ok()) return Value();
  if (!row.empty()) {
    while (b[1] != nullptr && !b[1]->is_none() && static_cast<int64_t>(row.size()) < count) row.push_back(*b[1]);
    rows.push_back(MakeList(std::move(row)));
  }
  return MakeList(std::move(rows), ListKind::kGenerator);
}

Value SliceFilter(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("slice", args, {"slices", "fill_with"});
  const int64_t slices = in.IntOr(b[0], 0, "slice's number");
  if (in.ok() && (slices < 1 || slices > 100000)) return in.Fail("slice needs a number of slices from 1 to 100000");
  const std::vector<Value> items = in.Items(v);
  if (!in.ok() || !in.Charge(slices)) return Value();
  const int64_t size = static_cast<int64_t>(items.size()) / slices,
                longer = static_cast<int64_t>(items.size()) % slices;
  std::vector<Value> rows;
  auto at = items.begin();
  for (int64_t i = 0; i < slices; ++i) {
    const auto next = at + size + (i < longer ? 1 : 0);
    std::vector<Value> row(at, next);
    at = next;
    if (b[1] != nullptr && !b[1]->is_none() && i >= longer && longer > 0) row.push_back(*b[1]);
    rows.push_back(MakeList(std::move(row)));
  }
  return MakeList(std::move(rows), ListKind::kGenerator);
}

Value IntOf(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("int", args, {"default", "base"});
  if (v.is_undefined()) return in.Fail(v.why_undefined());
  const Value absent = b[0] == nullptr ? Value(int64_t{0}) : *b[0];
  if (v.is_integral()) return Value(v.integer());
  double number = 0;
  if (v.is_string()) {
    std::string text(Strip(v.text(), nullptr, true, true).view());
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    const char* begin = text.c_str() + (text.starts_with('+') ? 1 : 0);
    const char* end = text.c_str() + text.size();
    const int64_t base = in.IntOr(b[1], 10, "int's base");
    if (base != 10 && base != 16 && base != 8 && base != 2) return in.Fail("int: base should be 2, 8, 10 or 16");
    if (base == 16 &&
        (std::string_view(begin, end).starts_with("0x") || std::string_view(begin, end).starts_with("0X")))
      begin += 2;
    int64_t whole = 0;
    if (const auto r = std::from_chars(begin, end, whole, static_cast<int>(base)); r.ec == std::errc() && r.ptr == end)
      return Value(whole);
    if (const auto r = std::from_chars(begin, end, number); r.ec != std::errc() || r.ptr != end) return absent;
  } else if (v.is_float()) {
    number = v.number();
  } else {
    return absent;
  }
  return std::abs(number) < 9e18 ? Value(static_cast<int64_t>(number)) : absent;  // NaN is the default too
}

Value FloatOf(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("float", args, {"default"});
  if (v.is_undefined()) return in.Fail(v.why_undefined());
  if (v.is_number()) return Value(v.number());
  if (v.is_string()) {
    const Text text = Strip(v.text(), nullptr, true, true);
    std::string_view digits = text.view();
    if (digits.starts_with('+')) digits.remove_prefix(1);
    double number = 0;
    const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (r.ec == std::errc() && r.ptr == digits.data() + digits.size()) return Value(number);
  }
  return b[0] == nullptr ? Value(0.0) : *b[0];
}

Value Round(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("round", args, {"precision", "method"});
  const int64_t digits = in.IntOr(b[0], 0, "round's precision");
  const std::string method = b[1] == nullptr ? "common" : in.StrOf(*b[1]);
  if (!in.ok()) return Value();
  if (!v.is_number()) return in.Fail("round needs a number, not " + TypeName(v));
  if (digits < -300 || digits > 300) return in.Fail("round: the precision should be from -300 to 300");
  if (method == "common" && v.is_integral() && digits >= 0) return v.is_bool() ? Value(v.integer()) : v;
  if (method == "common" && digits >= 0) {
    // To the nearest decimal of the exact value, ties to even, as Python's round.
    char text[700];
    const int size = std::snprintf(text, sizeof(text), "%.*f", static_cast<int>(digits), v.number());
    double rounded = 0;
    std::from_chars(text, text + size, rounded);
    return Value(rounded);
  }
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = v.number() * scale;
  const double whole = method == "ceil"    ? std::ceil(scaled)
                       : method == "floor" ? std::floor(scaled)
                                           : std::nearbyint(scaled);
  if (method != "ceil" && method != "floor" && method != "common")
    return in.Fail("round: the method should be common, ceil or floor");
  if (method == "common" && v.is_integral()) return Value(static_cast<int64_t>(whole / scale));
  return Value(whole / scale);
}

Value Abs(Interpreter& in, const Value& v, Args& args) {
  in.Bind("abs", args, {});
  if (!v.is_number()) return in.Fail("abs needs a number, not " + TypeName(v));
  if (v.is_float()) return Value(std::abs(v.number()));
  return v.integer() < 0 ? in.Binary("-", Value(int64_t{0}), v) : Value(v.integer());
}

Value StringOf(Interpreter& in, const Value& v, Args& args) {
  in.Bind("string", args, {});
  return in.Str(v);
}

Value Same(Interpreter& in, const Value& v, Args& args) {
  in.Bind("safe", args, {});
  return v;
}

Value Attr(Interpreter& in, const Value& v, Args& args) {
  const Value* name = in.Bind("attr", args, {"name"})[0];
  if (!in.ok() || name == nullptr) return in.Fail("attr needs a name");
  const std::string text = in.StrOf(*name);
  // Attributes alone: not the items of a dict.
  if (v.is_dict() && !IsMethod(v, text)) return in.MakeUndefined("'dict object' has no attribute '" + text + "'");
  return in.ok() ? in.GetAttribute(v, text) : Value();
}

Value Center(Interpreter& in, const Value& v, Args& args) {
  const Value* width = in.Bind("center", args, {"width"})[0];
  const Value text = in.Str(v);
  const int64_t columns = in.IntOr(width, 80, "center's width");
  if (!in.ok() || !in.Fits(columns) || !in.Charge(std::max<int64_t>(0, columns) / 4)) return Value();
  return Pad(text.text(), columns, Align::kCenter);
}

Value Truncate(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("truncate", args, {"length", "killwords", "end", "leeway"});
  const Value text = in.Str(v), end = b[2] == nullptr ? Value::String("...") : in.Str(*b[2]);
  const int64_t length = in.IntOr(b[0], 255, "truncate's length"), leeway = in.IntOr(b[3], 5, "truncate's leeway");
  if (!in.ok()) return Value();
  const int64_t room = length - CharCount(end.text().view());
  if (room < 0 || leeway < 0)
    return in.Fail("truncate: the length should be at least the end's, the leeway not negative");
  const std::string_view view = text.text().view();
  if (CharCount(view) - leeway <= length) return text;
  Text out = text.text().Part(0, CharOffset(view, room));
  if (!Flag(b[1], false)) {
    if (const size_t space = out.view().rfind(' '); space != std::string_view::npos) out = out.Part(0, space);
  }
  out.Append(end.text());
  return Value(std::move(out));
}

Value WordCount(Interpreter& in, const Value& v, Args& args) {
  in.Bind("wordcount", args, {});
  const std::string text = in.StrOf(v);
  int64_t words = 0;
  bool inside = false;
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = unicode::Next(text, pos);
    const bool word = c == '_' || IsLetter(c) || unicode::IsNumber(c);
    words += word && !inside ? 1 : 0;
    inside = word;
  }
  return Value(words);
}

Value Format(Interpreter& in, const Value& v, Args& args) {
  const Value text = in.Str(v);
  return in.ok() ? FormatPercent(in, text, args) : Value();
}

const std::map<std::string, Filter, std::less<>>& Filters() {
  static const std::map<std::string, Filter, std::less<>> kFilters = {{"abs", Abs},
                                                                      {"attr", Attr},
                                                                      {"batch", Batch},
                                                                      {"capitalize", CaseFilter<Case::kCapitalize>},
                                                                      {"center", Center},
                                                                      {"count", Length},
                                                                      {"d", Default},
                                                                      {"default", Default},
                                                                      {"dictsort", DictSort},
                                                                      {"first", First},
                                                                      {"float", FloatOf},
                                                                      {"format", Format},
                                                                      {"indent", Indent},
                                                                      {"int", IntOf},
                                                                      {"items", ItemsOf},
                                                                      {"join", Join},
                                                                      {"last", Last},
                                                                      {"length", Length},
                                                                      {"list", ListOf},
                                                                      {"lower", CaseFilter<Case::kLower>},
                                                                      {"map", Map},
                                                                      {"max", Extreme<1>},
                                                                      {"min", Extreme<-1>},
                                                                      {"reject", Select<false, false>},
                                                                      {"rejectattr", Select<false, true>},
                                                                      {"replace", ReplaceFilter},
                                                                      {"reverse", Reverse},
                                                                      {"round", Round},
                                                                      {"safe", Same},
                                                                      {"select", Select<true, false>},
                                                                      {"selectattr", Select<true, true>},
                                                                      {"slice", SliceFilter},
                                                                      {"sort", Sort},
                                                                      {"string", StringOf},
                                                                      {"sum", Sum},
                                                                      {"title", Title},
                                                                      {"tojson", ToJson},
                                                                      {"trim", Trim},
                                                                      {"truncate", Truncate},
                                                                      {"unique", Unique},
                                                                      {"upper", CaseFilter<Case::kUpper>},
                                                                      {"wordcount", WordCount}};
  return kFilters;
}

}  // namespace

bool Interpreter::HasFilter(const std::string& name) { return Filters().count(name) > 0; }

Value Interpreter::CallFilter(const std::string& name, const Value& input, Args& args) {
  const auto it = Filters().find(name);
  if (it == Filters().end()) return Fail("unknown filter '" + name.substr(0, 100) + "'");
  return it->second(*this, input, args);
}

}  // namespace lacuna::jinja
