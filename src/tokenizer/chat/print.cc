#include "tokenizer/chat/print.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/status_macros.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

// str.isprintable: letters, marks, numbers, punctuation, symbols and the space.
bool IsPrintable(char32_t c) {
  if (c == ' ') return true;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

std::string Hex(const char* format, unsigned value) {
  char buffer[16];
  std::snprintf(buffer, sizeof(buffer), format, value);
  return buffer;
}

std::string ReprEscape(char32_t c, char quote) {
  if (c == U'\n') return "\\n";
  if (c == U'\r') return "\\r";
  if (c == U'\t') return "\\t";
  if (c == U'\\' || c == static_cast<char32_t>(quote)) return std::string("\\") + static_cast<char>(c);
  if (IsPrintable(c)) return "";
  const auto code = static_cast<unsigned>(c);
  return code < 0x100 ? Hex("\\x%02x", code) : code < 0x10000 ? Hex("\\u%04x", code) : Hex("\\U%08x", code);
}

std::string JsonEscape(char32_t c, bool ascii) {
  switch (c) {
    case U'"':
      return "\\\"";
    case U'\\':
      return "\\\\";
    case U'\n':
      return "\\n";
    case U'\r':
      return "\\r";
    case U'\t':
      return "\\t";
    case U'\f':
      return "\\f";
    case U'\b':
      return "\\b";
    default:
      break;
  }
  const auto code = static_cast<unsigned>(c);
  if (code < 0x20) return Hex("\\u%04x", code);
  if (!ascii || code < 0x7F) return "";
  if (code < 0x10000) return Hex("\\u%04x", code);
  return Hex("\\u%04x", 0xD800 + ((code - 0x10000) >> 10)) + Hex("\\u%04x", 0xDC00 + ((code - 0x10000) & 0x3FF));
}

// Appends `text`, each character as `escape` says, or itself where that is "".
template <typename Escape>
void AppendEscaped(const Text& text, Escape escape, Text& out) {
  size_t plain = 0;
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    const std::string escaped = escape(unicode::Next(text.view(), pos));
    if (escaped.empty()) continue;
    out.Append(text, plain, begin);
    out.Append(escaped, text.InputAt(begin));
    plain = pos;
  }
  out.Append(text, plain, text.size());
}

void AppendJsonString(const Text& text, bool ascii, Text& out) {
  out.Append("\"", false);
  AppendEscaped(
      text, [ascii](char32_t c) { return JsonEscape(c, ascii); }, out);
  out.Append("\"", false);
}

Status Sequence(const std::vector<Value>& items, const char* open, const char* close, bool tuple, Text& out) {
  out.Append(open, false);
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.Append(", ", false);
    LACUNA_RETURN_IF_ERROR(Repr(items[i], out));
  }
  if (tuple && items.size() == 1) out.Append(",", false);
  out.Append(close, false);
  return {};
}

class JsonPrinter {
 public:
  JsonPrinter(const JsonStyle& style, Text& out) : style_(style), out_(out) {}

  Status Add(const Value& v) {
    if (v.is_none()) return Plain("null");
    if (v.is_bool()) return Plain(v.boolean() ? "true" : "false");
    if (v.is_int()) return Plain(std::to_string(v.integer()));
    if (v.is_float()) return Plain(JsonFloat(v.number()));
    if (v.is_string()) return AppendJsonString(v.text(), style_.ascii, out_), Status();
    if (v.is_dict()) return AddDict(v.dict());
    if (v.is_list() && (v.list().kind == ListKind::kList || v.list().kind == ListKind::kTuple))
      return AddList(v.list());
    return InvalidInput("tojson: a value of type " + TypeName(v) + " cannot be written as JSON");
  }

 private:
  static std::string JsonFloat(double d) {
    if (std::isnan(d)) return "NaN";
    if (std::isinf(d)) return d > 0 ? "Infinity" : "-Infinity";
    return FloatRepr(d);
  }
  Status Plain(std::string_view text) { return out_.Append(text, false), Status(); }
  void NewLine() {
    if (!style_.indented) return;
    out_.Append("\n", false);
    for (int i = 0; i < level_; ++i) out_.Append(style_.indent, false);
  }

  Status AddList(const List& list) {
    if (list.items.empty()) return Plain("[]");
    out_.Append("[", false);
    ++level_;
    for (size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator, false);
      NewLine();
      LACUNA_RETURN_IF_ERROR(Add(list.items[i]));
    }
    --level_;
    NewLine();
    return Plain("]");
  }

  Status AddDict(const Dict& dict) {
    if (dict.items.empty()) return Plain("{}");
    std::vector<const std::pair<Value, Value>*> order;
    for (const auto& item : dict.items) order.push_back(&item);
    if (style_.sort_keys) {
      for (const auto* item : order) {
        if (!item->first.is_string()) return InvalidInput("tojson: sort_keys needs keys that are strings");
      }
      std::stable_sort(order.begin(), order.end(),
                       [](const auto* a, const auto* b) { return a->first.text().view() < b->first.text().view(); });
    }
    out_.Append("{", false);
    ++level_;
    for (size_t i = 0; i < order.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator, false);
      NewLine();
      const Value& key = order[i]->first;
      if (key.is_string()) {
        AppendJsonString(key.text(), style_.ascii, out_);
      } else if (key.is_none() || key.is_number()) {
        out_.Append("\"", false);
        LACUNA_RETURN_IF_ERROR(Add(key));
        out_.Append("\"", false);
      } else {
        return InvalidInput("tojson: keys must be strings or numbers, not " + TypeName(key));
      }
      out_.Append(style_.key_separator, false);
      LACUNA_RETURN_IF_ERROR(Add(order[i]->second));
    }
    --level_;
    NewLine();
    return Plain("}");
  }

  const JsonStyle& style_;
  Text& out_;
  int level_ = 0;
};

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific).ptr;
  const std::string text(buffer, end);  // d.ddde[+-]dd, the fewest digits that read back the same
  const size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  if (exponent < -4 || exponent >= 16) return text;
  std::string digits;
  for (size_t i = 0; i < e; ++i) {
    if (text[i] >= '0' && text[i] <= '9') digits += text[i];
  }
  std::string out = std::signbit(value) ? "-" : "";
  if (exponent < 0) return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const auto whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return out + digits + std::string(whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

Status Print(const Value& v, Text& out) {
  if (v.is_undefined()) return {};
  if (v.is_string()) return out.Append(v.text()), Status();
  return Repr(v, out);
}

Status Repr(const Value& v, Text& out) {
  const auto plain = [&](std::string_view text) { return out.Append(text, false), Status(); };
  if (v.is_undefined()) return plain("Undefined");
  if (v.is_none()) return plain("None");
  if (v.is_bool()) return plain(v.boolean() ? "True" : "False");
  if (v.is_int()) return plain(std::to_string(v.integer()));
  if (v.is_float()) return plain(FloatRepr(v.number()));
  if (v.is_string()) {
    const std::string_view text = v.text().view();
    const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
    if (v.text().markup()) out.Append("Markup(", false);
    out.Append({&quote, 1}, false);
    AppendEscaped(
        v.text(), [quote](char32_t c) { return ReprEscape(c, quote); }, out);
    out.Append({&quote, 1}, false);
    if (v.text().markup()) out.Append(")", false);
    return {};
  }
  if (v.is_dict()) {
    out.Append("{", false);
    for (size_t i = 0; i < v.dict().items.size(); ++i) {
      if (i > 0) out.Append(", ", false);
      LACUNA_RETURN_IF_ERROR(Repr(v.dict().items[i].first, out));
      out.Append(": ", false);
      LACUNA_RETURN_IF_ERROR(Repr(v.dict().items[i].second, out));
    }
    return plain("}");
  }
  if (v.is_list()) {
    const std::vector<Value>& items = v.list().items;
    switch (v.list().kind) {
      case ListKind::kList:
        return Sequence(items, "[", "]", false, out);
      case ListKind::kTuple:
        return Sequence(items, "(", ")", true, out);
      case ListKind::kItems:
      case ListKind::kKeys:
      case ListKind::kValues:
        out.Append(TypeName(v), false);
        return Sequence(items, "([", "])", false, out);
      case ListKind::kRange: {
        // Only its numbers are kept; their step and one more give the arguments back.
        const int64_t from = items.empty() ? 0 : items[0].integer();
        const int64_t step = items.size() < 2 ? 1 : items[1].integer() - from;
        out.Append("range(" + std::to_string(from) + ", " +
                       std::to_string(from + step * static_cast<int64_t>(items.size())) +
                       (step == 1 ? "" : ", " + std::to_string(step)) + ")",
                   false);
        return {};
      }
      case ListKind::kGenerator:
        break;
    }
  }
  return InvalidInput("a value of type " + TypeName(v) + " cannot be printed" +
                      (v.is_list() ? "; `| list` makes a list of it" : ""));
}

Status PrintJson(const Value& v, const JsonStyle& style, Text& out) { return JsonPrinter(style, out).Add(v); }

}  // namespace lacuna::jinja
