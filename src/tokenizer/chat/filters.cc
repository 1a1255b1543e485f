// Filters of values and sequences; tojson is transformers' own.
#include "tokenizer/chat/filters.h"

#include <algorithm>
#include <map>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/strings.h"

namespace lacuna::jinja {
namespace {

using Bound = std::vector<const Value*>;

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

// Pairs of what the items have in common and the list of these items, in its order.
Value GroupBy(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("groupby", args, {"attribute", "default", "case_sensitive"});
  if (in.ok() && b[0] == nullptr) return in.Fail("groupby needs an attribute's name");
  std::vector<Value> items = in.Items(v), keys;
  for (Value& item : items) {
    if (!in.ok()) return Value();
    Value key = in.GetPath(item, *b[0]);
    if (key.is_undefined() && b[1] != nullptr && !b[1]->is_none()) key = *b[1];
    keys.push_back(Folded(key, Flag(b[2], false)));
    item = MakeList({key, item});  // the key as it is beside its item
  }
  if (!in.ok()) return Value();
  SortBy(in, items, keys, false);
  std::vector<Value> groups, members;
  for (size_t i = 0; i < items.size() && in.ok(); ++i) {
    const std::vector<Value>& pair = items[i].list().items;
    members.push_back(pair[1]);
    const auto key = [&](size_t at) { return Folded(items[at].list().items[0], Flag(b[2], false)); };
    if (i + 1 < items.size() && in.IsEqual(key(i), key(i + 1))) continue;
    const Value& first = items[i + 1 - members.size()].list().items[0];
    const Value pair_of_group = MakeList({first, MakeList(std::exchange(members, {}))}, ListKind::kTuple);
    auto group = std::make_shared<List>(pair_of_group.list());
    group->group = true;
    groups.emplace_back(std::shared_ptr<const List>(std::move(group)));
  }
  return MakeList(std::move(groups));
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
  if (total.is_string()) return in.Fail("sum adds no text: join does");
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

Value Attr(Interpreter& in, const Value& v, Args& args) {
  const Value* name = in.Bind("attr", args, {"name"})[0];
  if (!in.ok() || name == nullptr) return in.Fail("attr needs a name");
  const std::string text = in.StrOf(*name);
  // Attributes alone: not the items of a dict.
  if (v.is_dict() && !IsMethod(v, text)) return in.MakeUndefined("'dict object' has no attribute '" + text + "'");
  return in.ok() ? in.GetAttribute(v, text) : Value();
}

constexpr NamedFilter kFilters[] = {{"attr", Attr},
                                    {"batch", Batch},
                                    {"count", Length},
                                    {"d", Default},
                                    {"default", Default},
                                    {"dictsort", DictSort},
                                    {"first", First},
                                    {"groupby", GroupBy},
                                    {"items", ItemsOf},
                                    {"join", Join},
                                    {"last", Last},
                                    {"length", Length},
                                    {"list", ListOf},
                                    {"map", Map},
                                    {"max", Extreme<1>},
                                    {"min", Extreme<-1>},
                                    {"reject", Select<false, false>},
                                    {"rejectattr", Select<false, true>},
                                    {"reverse", Reverse},
                                    {"select", Select<true, false>},
                                    {"selectattr", Select<true, true>},
                                    {"slice", SliceFilter},
                                    {"sort", Sort},
                                    {"sum", Sum},
                                    {"tojson", ToJson},
                                    {"unique", Unique}};

const std::map<std::string, FilterBody, std::less<>>& Filters() {
  static const std::map<std::string, FilterBody, std::less<>> kAll = [] {
    std::map<std::string, FilterBody, std::less<>> all;
    for (const std::span<const NamedFilter> filters :
         {std::span<const NamedFilter>(kFilters), TextFilters(), NumberFilters()}) {
      for (const NamedFilter& filter : filters) all.emplace(filter.name, filter.body);
    }
    return all;
  }();
  return kAll;
}

}  // namespace

bool Interpreter::HasFilter(const std::string& name) { return Filters().count(name) > 0; }

Value Interpreter::CallFilter(const std::string& name, const Value& input, Args& args) {
  const auto it = Filters().find(name);
  if (it == Filters().end()) return Fail("unknown filter '" + name.substr(0, 100) + "'");
  return it->second(*this, input, args);
}

}  // namespace lacuna::jinja
