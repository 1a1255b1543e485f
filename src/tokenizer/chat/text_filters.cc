// Filters of text.
#include <algorithm>

#include "tokenizer/chat/filters.h"
#include "tokenizer/chat/strings.h"
#include "tokenizer/chat/wrap.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

using Bound = std::vector<const Value*>;

// `text` as escaped as `from` is.
Value Like(const Text& from, Text text) { return Value(std::move(text.set_markup(from.markup()))); }

Value Trim(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("trim", args, {"chars"});
  const Value text = in.Str(v);
  const Value chars = b[0] == nullptr || b[0]->is_none() ? Value() : in.Str(*b[0]);
  if (!in.ok()) return Value();
  return Like(text.text(), Strip(text.text(), chars.is_string() ? &chars.text() : nullptr, true, true));
}

template <Case how>
Value CaseFilter(Interpreter& in, const Value& v, Args& args) {
  in.Bind("the filter", args, {});
  const Value text = in.Str(v);
  return in.ok() ? Like(text.text(), ChangeCase(text.text(), how)) : Value();
}

// Words are cut at white space, - and opening brackets only.
Value Title(Interpreter& in, const Value& v, Args& args) {
  in.Bind("title", args, {});
  const Value value = in.Str(v);
  if (!in.ok()) return Value();
  const Text& text = value.text();
  const auto separates = [](char32_t c) {
    return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
  };
  Text out;
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    size_t end = pos, first = 0;
    for (; pos < text.size(); end = pos) {
      if (separates(unicode::Next(text.view(), pos))) break;
      if (first == 0) first = pos;
    }
    if (end > begin) {
      out.Append(ChangeCase(text.Part(begin, first), Case::kUpper));
      out.Append(ChangeCase(text.Part(first, end), Case::kLower));
    }
    out.Append(text, end, pos);
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
  return Like(v.text(), std::move(out));
}

Value StringOf(Interpreter& in, const Value& v, Args& args) {
  in.Bind("string", args, {});
  return in.Str(v);
}

Value EscapeFilter(Interpreter& in, const Value& v, Args& args) {
  in.Bind("escape", args, {});
  const Value text = in.Str(v);
  if (!in.ok()) return Value();
  Text out = Escape(text.text());
  return in.Fits(static_cast<int64_t>(out.size())) ? Value(std::move(out)) : Value();
}

Value ForceEscape(Interpreter& in, const Value& v, Args& args) {
  const Value text = in.Str(v);
  return in.ok() ? EscapeFilter(in, Value(std::move(Text(text.text()).set_markup(false))), args) : Value();
}

Value Safe(Interpreter& in, const Value& v, Args& args) {
  in.Bind("safe", args, {});
  const Value text = in.Str(v);
  return in.ok() ? Value(std::move(Text(text.text()).set_markup(true))) : Value();
}

Value Center(Interpreter& in, const Value& v, Args& args) {
  const Value* width = in.Bind("center", args, {"width"})[0];
  const Value text = in.Str(v);
  const int64_t columns = in.IntOr(width, 80, "center's width");
  if (!in.ok() || !in.Fits(columns) || !in.Charge(std::max<int64_t>(0, columns) / 4)) return Value();
  return Like(text.text(), Pad(text.text(), columns, Align::kCenter));
}

Value Truncate(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("truncate", args, {"length", "killwords", "end", "leeway"});
  const Value end = b[2] == nullptr ? Value::String("...") : *b[2];
  const int64_t length = in.IntOr(b[0], 255, "truncate's length"), leeway = in.IntOr(b[3], 5, "truncate's leeway");
  if (in.ok() && !end.is_string()) return in.Fail("truncate: the end should be text, not " + TypeName(end));
  if (!in.ok()) return Value();
  const int64_t room = length - CharCount(end.text().view());
  if (room < 0 || leeway < 0)
    return in.Fail("truncate: the length should be at least the end's, the leeway not negative");
  if (!v.is_string()) {
    // What has a length and is short enough stays as it is; only text can be cut.
    const bool sized = v.is_undefined() || v.is_dict() || (v.is_list() && v.list().kind != ListKind::kGenerator);
    const size_t size = v.is_dict() ? v.dict().items.size() : v.list().items.size();
    if (sized && static_cast<int64_t>(size) - leeway <= length) return v;
    return in.Fail("truncate needs text, not " + TypeName(v) + "; `| string` makes text of it");
  }
  const std::string_view view = v.text().view();
  if (CharCount(view) - leeway <= length) return v;
  Text out = v.text().Part(0, CharOffset(view, room));
  if (!Flag(b[1], false)) {
    if (const size_t space = out.view().rfind(' '); space != std::string_view::npos) out = out.Part(0, space);
  }
  out.set_markup(v.text().markup());
  return in.Binary("+", Value(std::move(out)), end);
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

// Every byte but letters, digits, _ . - ~ and `keep` as %XX; in queries a space is +.
void AppendQuoted(const Text& text, std::string_view keep, bool query, Text& out) {
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text.view()[at];
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("_.-~").find(c) != std::string_view::npos || keep.find(c) != keep.npos;
    if (plain) {
      out.Append(text, at, at + 1);
    } else if (c == ' ' && query) {
      out.Append("+", text.InputAt(at));
    } else {
      const auto byte = static_cast<unsigned char>(c);
      const char hex[] = {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
      out.Append({hex, 3}, text.InputAt(at));
    }
  }
}

Value UrlEncode(Interpreter& in, const Value& v, Args& args) {
  in.Bind("urlencode", args, {});
  if (!in.ok() || !in.Charge(Weight(v))) return Value();
  Text out;
  if (v.is_string() || !(v.is_dict() || v.is_list() || v.is_undefined())) {
    const Value text = in.Str(v);
    if (in.ok()) AppendQuoted(text.text(), "/", false, out);
  } else {
    std::vector<Value> pairs;
    if (v.is_dict()) {
      for (const auto& [key, value] : v.dict().items) pairs.push_back(MakeList({key, value}));
    } else {
      pairs = in.Items(v);
    }
    for (const Value& pair : pairs) {
      const std::vector<Value> both = in.Items(pair);
      if (in.ok() && both.size() != 2) return in.Fail("urlencode: a list should have pairs of a key and a value");
      if (!in.ok()) return Value();
      const Value key = in.Str(both[0]), value = in.Str(both[1]);
      if (!in.ok()) return Value();
      if (!out.empty()) out.Append("&", false);
      AppendQuoted(key.text(), "", true, out);
      out.Append("=", false);
      AppendQuoted(value.text(), "", true, out);
      if (!in.Fits(static_cast<int64_t>(out.size()))) return Value();
    }
  }
  return in.ok() && in.Fits(static_cast<int64_t>(out.size())) ? Value(std::move(out)) : Value();
}

Value WordWrap(Interpreter& in, const Value& v, Args& args) {
  const Bound b = in.Bind("wordwrap", args, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  if (!in.ok()) return Value();
  if (!v.is_string()) return in.Fail("wordwrap needs text, not " + TypeName(v));
  const int64_t width = in.IntOr(b[0], 79, "wordwrap's width");
  const Value between = b[2] == nullptr || b[2]->is_none() ? Value::String("\n") : *b[2];
  if (in.ok() && !between.is_string()) return in.Fail("wordwrap: the wrapstring should be text");
  if (!in.ok() || !in.Charge(8 * static_cast<int64_t>(v.text().size()))) return Value();
  const std::vector<Value> paragraphs = SplitLines(v.text(), false);
  if (!paragraphs.empty() && width < 1) return in.Fail("wordwrap: the width should be at least 1");
  Text out;
  for (size_t i = 0; i < paragraphs.size(); ++i) {
    if (i > 0) out.Append(between.text());
    const Text& paragraph = paragraphs[i].text();
    const std::vector<TextSpan> lines = WrapLines(paragraph.view(), {width, Flag(b[1], true), Flag(b[3], true)});
    for (size_t line = 0; line < lines.size(); ++line) {
      if (line > 0) out.Append(between.text());
      out.Append(paragraph, lines[line].begin, lines[line].end);
      if (!in.Fits(static_cast<int64_t>(out.size()))) return Value();
    }
  }
  return Value(std::move(out));
}

constexpr NamedFilter kFilters[] = {{"capitalize", CaseFilter<Case::kCapitalize>},
                                    {"center", Center},
                                    {"e", EscapeFilter},
                                    {"escape", EscapeFilter},
                                    {"forceescape", ForceEscape},
                                    {"format", Format},
                                    {"indent", Indent},
                                    {"lower", CaseFilter<Case::kLower>},
                                    {"replace", ReplaceFilter},
                                    {"safe", Safe},
                                    {"string", StringOf},
                                    {"title", Title},
                                    {"trim", Trim},
                                    {"truncate", Truncate},
                                    {"upper", CaseFilter<Case::kUpper>},
                                    {"urlencode", UrlEncode},
                                    {"wordcount", WordCount},
                                    {"wordwrap", WordWrap}};

}  // namespace

std::span<const NamedFilter> TextFilters() { return kFilters; }

}  // namespace lacuna::jinja
