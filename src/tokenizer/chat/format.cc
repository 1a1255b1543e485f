// Python's two ways to put values into text: 'a %s' % x and 'a {}'.format(x).
#include <algorithm>
#include <cstdio>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/strings.h"

namespace lacuna::jinja {
namespace {

// [fill][<>^=][sign][0][width][.precision][type], the part that both have in common.
struct Spec {
  std::string fill = " ";
  char align = 0;
  char sign = 0;
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;
  bool comma = false;
};

int64_t Digits(std::string_view text, size_t& pos) {
  int64_t value = 0;
  while (pos < text.size() && text[pos] >= '0' && text[pos] <= '9')
    value = std::min<int64_t>(value * 10 + (text[pos++] - '0'), 1 << 20);
  return value;
}

std::string Grouped(std::string digits) {
  const size_t point = std::min(digits.find('.'), digits.size());
  for (size_t at = point; at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

Value Field(Interpreter& in, const Value& v, const Spec& spec) {
  Text text;
  if (spec.width > 100000 || spec.precision > 500) return in.Fail("format: the width or the precision is too large");
  const char type = spec.type;
  if (type == 'r') {
    if (!in.Charge(Weight(v))) return Value();
    if (const Status status = Repr(v, text); !status.ok()) return in.Fail(status);
  } else if (type == 's' || (type == 0 && !v.is_number())) {
    const Value string = in.Str(v);
    if (!in.ok()) return Value();
    text = spec.precision < 0 ? string.text() : string.text().Part(0, CharOffset(string.text().view(), spec.precision));
  } else {
    if (!v.is_number()) return in.Fail(std::string("format: '") + type + "' needs a number, not " + TypeName(v));
    std::string digits;
    if (type == 'd' || (type == 0 && v.is_integral() && spec.precision < 0)) {
      digits =
          type == 0 && v.is_bool() && spec.width == 0
              ? (v.boolean() ? "True" : "False")
              : std::to_string(v.is_float() ? static_cast<int64_t>(std::clamp(v.number(), -9e18, 9e18)) : v.integer());
    } else if (type == 'x' || type == 'X' || type == 'o') {
      if (!v.is_integral()) return in.Fail("format: x and o need a whole number");
      char buffer[40];
      const uint64_t magnitude =
          v.integer() < 0 ? -static_cast<uint64_t>(v.integer()) : static_cast<uint64_t>(v.integer());
      const char* format = type == 'x' ? "%llx" : type == 'X' ? "%llX" : "%llo";
      std::snprintf(buffer, sizeof(buffer), format, static_cast<unsigned long long>(magnitude));
      digits = (v.integer() < 0 ? "-" : "") + std::string(buffer);
    } else if (type == 0 && spec.precision < 0) {
      digits = FloatRepr(v.number());
    } else if (std::string_view("fFeEgG%").find(type == 0 ? 'g' : type) != std::string_view::npos) {
      char buffer[1000];
      const char format[] = {'%', '.', '*', type == 0 ? 'g' : type == '%' ? 'f' : type, 0};
      const double number = type == '%' ? v.number() * 100 : v.number();
      std::snprintf(buffer, sizeof(buffer), format, static_cast<int>(spec.precision < 0 ? 6 : spec.precision), number);
      digits = buffer + std::string(type == '%' ? "%" : "");
    } else {
      return in.Fail(std::string("format: unknown type '") + type + "'");
    }
    const bool negative = digits[0] == '-';
    std::string sign = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
    digits = digits.substr(negative ? 1 : 0);
    if (spec.comma) digits = Grouped(digits);
    if (spec.align == '=') {
      const auto missing = spec.width - static_cast<int64_t>(sign.size() + digits.size());
      for (int64_t i = 0; i < missing; ++i) sign += spec.fill;
    }
    text = Text(sign + digits, false);
  }
  const char align =
      spec.align == 0 || spec.align == '=' ? (v.is_number() && type != 's' && type != 'r' ? '>' : '<') : spec.align;
  if (align == '^') {
    // str.format puts the odd one to the right always.
    const int64_t missing = spec.width - CharCount(text.view());
    Text padded;
    for (int64_t i = 0; i < missing / 2; ++i) padded.Append(spec.fill, false);
    padded.Append(text);
    for (int64_t i = missing / 2; i < missing; ++i) padded.Append(spec.fill, false);
    return Value(std::move(padded));
  }
  return Pad(text, spec.width, align == '<' ? Align::kLeft : Align::kRight, spec.fill);
}

bool ParseSpec(Interpreter& in, std::string_view text, Spec& spec) {
  size_t pos = 0;
  const auto is_align = [&](size_t at) {
    return at < text.size() && std::string_view("<>^=").find(text[at]) != std::string_view::npos;
  };
  if (const size_t first = text.empty() ? 0 : CharOffset(text, 1); first > 0 && is_align(first)) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    pos = first + 1;
  } else if (is_align(0)) {
    spec.align = text[pos++];
  }
  if (pos < text.size() && (text[pos] == '+' || text[pos] == '-' || text[pos] == ' ')) spec.sign = text[pos++];
  if (pos < text.size() && text[pos] == '0') {
    ++pos;
    if (spec.align == 0) spec.align = '=', spec.fill = "0";
  }
  spec.width = Digits(text, pos);
  if (pos < text.size() && text[pos] == ',') spec.comma = true, ++pos;
  if (pos < text.size() && text[pos] == '.') spec.precision = Digits(text, ++pos);
  if (pos < text.size()) spec.type = text[pos++];
  if (pos == text.size() && spec.type != 'r') return true;
  in.Fail("format: '" + std::string(text.substr(0, 40)) + "' is no format");
  return false;
}

// name, name.attribute, name[item]
Value Lookup(Interpreter& in, std::string_view field, const Args& args, int64_t& automatic) {
  size_t end = field.find_first_of(".[");
  end = std::min(end, field.size());
  const std::string name(field.substr(0, end));
  Value v;
  if (name.empty() || name.find_first_not_of("0123456789") == name.npos) {
    size_t pos = 0;
    const int64_t index = name.empty() ? automatic++ : Digits(name, pos);
    if (index >= static_cast<int64_t>(args.positional.size()))
      return in.Fail("format: there is no argument " + std::to_string(index));
    v = args.positional[static_cast<size_t>(index)];
  } else {
    const auto it = std::find_if(args.named.begin(), args.named.end(), [&](const auto& n) { return n.first == name; });
    if (it == args.named.end()) return in.Fail("format: there is no argument '" + name.substr(0, 100) + "'");
    v = it->second;
  }
  while (end < field.size() && in.ok()) {
    const bool item = field[end] == '[';
    const size_t stop = item ? field.find(']', end) : std::min(field.find_first_of(".[", end + 1), field.size());
    if (stop == field.npos) return in.Fail("format: ']' is missing");
    const std::string part(field.substr(end + 1, stop - end - 1));
    const bool number = item && !part.empty() && part.find_first_not_of("0123456789") == part.npos;
    size_t pos = 0;
    v = number ? in.GetItem(v, Value(Digits(part, pos)))
        : item ? in.GetItem(v, Value::String(part))
               : in.GetAttribute(v, part);
    end = item ? stop + 1 : stop;
  }
  return v;
}

}  // namespace

Value FormatPercent(Interpreter& in, const Value& format, const Args& args) {
  const Text& text = format.text();
  const std::string_view view = text.view();
  Text out;
  size_t used = 0;
  bool by_name = false;
  for (size_t pos = 0; pos < view.size() && in.ok();) {
    const size_t percent = std::min(view.find('%', pos), view.size());
    out.Append(text, pos, percent);
    pos = percent;
    if (pos == view.size()) break;
    ++pos;
    const Value* v = nullptr;
    if (pos < view.size() && view[pos] == '(') {
      const size_t close = view.find(')', pos);
      if (close == view.npos) return in.Fail("format: ')' is missing");
      const Value name = Value::String(view.substr(pos + 1, close - pos - 1));
      by_name = true;
      for (const auto& [key, value] : args.named) {
        if (key == name.text().view()) v = &value;
      }
      if (v == nullptr && args.positional.size() == 1 && args.positional[0].is_dict())
        v = args.positional[0].dict().Find(name);
      if (v == nullptr)
        return in.Fail("format: there is no value '" + std::string(name.text().view().substr(0, 100)) + "'");
      pos = close + 1;
    }
    Spec spec;
    spec.align = '>';
    for (; pos < view.size() && std::string_view("-+ 0#").find(view[pos]) != std::string_view::npos; ++pos) {
      if (view[pos] == '-') spec.align = '<', spec.fill = " ";
      if (view[pos] == '+' || (view[pos] == ' ' && spec.sign == 0)) spec.sign = view[pos];
      if (view[pos] == '0' && spec.align != '<') spec.align = '=', spec.fill = "0";
    }
    spec.width = Digits(view, pos);
    if (pos < view.size() && view[pos] == '.') spec.precision = Digits(view, ++pos);
    if (pos == view.size()) return in.Fail("format: the text ends within a %");
    const char type = view[pos++];
    if (type == '%') {
      out.Append("%", false);
      continue;
    }
    spec.type = type == 'i' || type == 'u' ? 'd' : type == 'c' ? 's' : type;
    if (std::string_view("sdrxXofFeEgG").find(spec.type) == std::string_view::npos)
      return in.Fail(std::string("format: unknown type %") + type);
    if (spec.align == '=' && (spec.type == 's' || spec.type == 'r')) spec.align = '>', spec.fill = " ";
    if (v == nullptr) {
      if (used == args.positional.size()) return in.Fail("format: there are fewer values than %");
      v = &args.positional[used++];
    }
    const Value field = Field(in, *v, spec);
    if (!in.ok()) return Value();
    out.Append(field.text());
    in.Fits(static_cast<int64_t>(out.size()));
  }
  if (!in.ok()) return Value();
  if (!by_name && used < args.positional.size() &&
      !(used == 0 && args.positional.size() == 1 && args.positional[0].is_dict())) {
    return in.Fail("format: there are more values than %");
  }
  return Value(std::move(out));
}

Value FormatBraces(Interpreter& in, const Value& format, const Args& args) {
  const Text& text = format.text();
  const std::string_view view = text.view();
  Text out;
  int64_t automatic = 0;
  for (size_t pos = 0; pos < view.size() && in.ok();) {
    const size_t brace = std::min(view.find_first_of("{}", pos), view.size());
    out.Append(text, pos, brace);
    pos = brace;
    if (pos == view.size()) break;
    if (pos + 1 < view.size() && view[pos + 1] == view[pos]) {
      out.Append(text, pos, pos + 1);
      pos += 2;
      continue;
    }
    const size_t close = view[pos] == '{' ? view.find('}', pos) : view.npos;
    if (close == view.npos) return in.Fail("format: a single brace in the text");
    std::string_view field = view.substr(pos + 1, close - pos - 1);
    pos = close + 1;
    if (field.find('{') != field.npos) return in.Fail("format: braces inside braces are not supported");
    Spec spec;
    const size_t colon = field.find(':');
    if (colon != field.npos && !ParseSpec(in, field.substr(colon + 1), spec)) return Value();
    field = field.substr(0, colon);
    char conversion = 0;
    if (field.size() >= 2 && field[field.size() - 2] == '!') conversion = field.back(), field.remove_suffix(2);
    Value v = Lookup(in, field, args, automatic);
    if (conversion == 'r') {
      Text shown;
      if (const Status status = Repr(v, shown); in.Charge(Weight(v)) && !status.ok()) return in.Fail(status);
      v = Value(std::move(shown));
    } else if (conversion == 's') {
      v = in.Str(v);
    }
    if (!in.ok()) return Value();
    const Value shown = Field(in, v, spec);
    if (!in.ok()) return Value();
    out.Append(shown.text());
    in.Fits(static_cast<int64_t>(out.size()));
  }
  return in.ok() ? Value(std::move(out)) : Value();
}

}  // namespace lacuna::jinja
