// Python's two ways to put values into text: 'a %s' % x and 'a {}'.format(x).
#include <algorithm>
#include <charconv>
#include <cmath>

#include "tokenizer/chat/interpreter.h"
#include "tokenizer/chat/print.h"
#include "tokenizer/chat/strings.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

// [fill][<>^=][sign][#][0][width][.precision][type], the part that both have in common.
struct Spec {
  bool percent = false;  // of %, which is more lenient
  bool given = false;    // something stands behind the colon
  Text fill{" ", false};
  char align = 0;
  bool aligned_inside = false;  // = was written
  char sign = 0;
  bool prefix = false;  // 0x, 0o, 0b
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

// A comma between each three of the leading digits.
std::string Grouped(std::string digits) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (size_t at = whole; at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

// As printf, whatever the locale.
std::string Decimal(double number, std::chars_format how, int64_t precision) {
  if (std::isnan(number)) return "nan";
  char buffer[1000];
  return {buffer, std::to_chars(buffer, buffer + sizeof(buffer), number, how, static_cast<int>(precision)).ptr};
}

// What str.format makes of a float with a precision and no type: as g, but never like a whole number.
std::string DecimalWithPoint(double number, int64_t precision) {
  precision = std::max<int64_t>(1, precision);
  if (!std::isfinite(number)) return Decimal(number, std::chars_format::general, precision);
  const std::string digits = Decimal(number, std::chars_format::scientific, precision - 1);
  const size_t e = digits.find('e');
  int exponent = 0;
  std::from_chars(digits.data() + e + (digits[e + 1] == '+' ? 2 : 1), digits.data() + digits.size(), exponent);
  if (exponent < -4 || exponent < precision - 1 || number == 0) {
    std::string text = Decimal(number, std::chars_format::general, precision);
    return text.find_first_of(".e") == text.npos ? text + ".0" : text;
  }
  std::string mantissa = digits.substr(0, e);
  if (mantissa.find('.') != mantissa.npos) mantissa.erase(mantissa.find_last_not_of("0") + 1);
  if (mantissa.back() == '.') mantissa.pop_back();
  return mantissa + digits.substr(e);
}

std::string Upper(std::string digits) {
  for (char& c : digits) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return digits;
}

std::string InBase(int64_t value, char type) {
  const uint64_t magnitude = value < 0 ? -static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  char buffer[70];
  const int base = type == 'b' ? 2 : type == 'o' ? 8 : 16;
  std::string digits(buffer, std::to_chars(buffer, buffer + sizeof(buffer), magnitude, base).ptr);
  return (value < 0 ? "-" : "") + (type == 'X' ? Upper(digits) : digits);
}

// The digits of a number, with a minus before them.
std::string NumberDigits(Interpreter& in, const Value& v, const Spec& spec) {
  const char type = spec.type;
  const auto fail = [&](const std::string& what) { return in.Fail("format: " + what), std::string("0"); };
  const bool integer_type = type != 0 && std::string_view("dxXob").find(type) != std::string_view::npos;
  if (integer_type || (type == 0 && v.is_integral())) {
    if (!spec.percent && spec.precision >= 0) return fail("whole numbers have no precision");
    if (spec.comma && type != 'd' && type != 0) return fail(std::string("',' does not go with '") + type + "'");
    if (!v.is_integral() && (type != 'd' || !spec.percent))
      return fail(std::string("'") + type + "' needs a whole number");
    if (v.is_float() && !(std::abs(v.number()) < 9.2e18)) return fail("the number is too large for a whole number");
    if (type == 0 && v.is_bool() && !spec.given) return v.boolean() ? "True" : "False";
    const int64_t value = v.is_float() ? static_cast<int64_t>(v.number()) : v.integer();
    std::string digits = type == 'd' || type == 0 ? std::to_string(value) : InBase(value, type);
    const size_t sign = value < 0 ? 1 : 0;
    if (const auto size = static_cast<int64_t>(digits.size() - sign); size < spec.precision)
      digits.insert(sign, static_cast<size_t>(spec.precision - size), '0');
    if (spec.prefix && type != 'd' && type != 0) digits.insert(sign, std::string("0") + type);
    return digits;
  }
  if (spec.prefix) return fail("# is not supported for this type");
  const double number = v.number();
  if (type == 0) return spec.precision < 0 ? FloatRepr(number) : DecimalWithPoint(number, spec.precision);
  const int64_t precision = spec.precision < 0 ? 6 : spec.precision;
  switch (type) {
    case '%':
      return Decimal(number * 100, std::chars_format::fixed, precision) + "%";
    case 'f':
    case 'F':
    case 'e':
    case 'E':
    case 'g':
    case 'G': {
      const char lower = static_cast<char>(type | 0x20);
      std::string digits = Decimal(number,
                                   lower == 'f'   ? std::chars_format::fixed
                                   : lower == 'e' ? std::chars_format::scientific
                                                  : std::chars_format::general,
                                   precision);
      return type == lower ? digits : Upper(digits);
    }
    default:
      return fail(std::string("unknown type '") + type + "'");
  }
}

// %c: a character, or its number.
Value Character(Interpreter& in, const Value& v) {
  if (v.is_string() && CharCount(v.text().view()) == 1) return v;
  const int64_t code = v.is_integral() ? v.integer() : -1;
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return in.Fail("format: %c needs a character");
  std::string utf8;
  unicode::Append(static_cast<char32_t>(code), utf8);
  // The number may be the conversation's.
  return Value(Text(utf8, true));
}

Value Field(Interpreter& in, const Value& value, const Spec& spec) {
  Text text;
  if (spec.width > 100000 || spec.precision > 500) return in.Fail("format: the width or the precision is too large");
  const char type = spec.type;
  if (!spec.percent && spec.given && !value.is_number() && !value.is_string())
    return in.Fail("format: a value of type " + TypeName(value) + " takes no format");
  const Value v = type == 'c' ? Character(in, value) : value;
  if (!in.ok()) return Value();
  if (type == 'r') {
    if (!in.Charge(Weight(v))) return Value();
    if (const Status status = Repr(v, text); !status.ok()) return in.Fail(status);
    if (spec.precision >= 0) text = text.Part(0, CharOffset(text.view(), spec.precision));
  } else if (type == 's' || type == 'c' || (type == 0 && !v.is_number())) {
    if (!spec.percent && v.is_number()) return in.Fail("format: 's' needs text, not " + TypeName(v));
    if (!spec.percent && (spec.sign != 0 || spec.prefix || spec.comma || spec.aligned_inside))
      return in.Fail("format: text takes no sign, no #, no comma and no '='");
    const Value string = in.Str(v);
    if (!in.ok()) return Value();
    text = spec.precision < 0 ? string.text() : string.text().Part(0, CharOffset(string.text().view(), spec.precision));
  } else {
    if (!v.is_number()) return in.Fail(std::string("format: '") + type + "' needs a number, not " + TypeName(v));
    std::string digits = NumberDigits(in, v, spec);
    if (!in.ok()) return Value();
    const bool negative = digits[0] == '-';
    const std::string sign = negative ? "-" : spec.sign == '+' ? "+" : spec.sign == ' ' ? " " : "";
    digits = digits.substr(negative ? 1 : 0);
    if (spec.comma) digits = Grouped(digits);
    text = Text(sign, false);
    if (spec.align == '=') {
      const size_t prefix = spec.prefix && digits.size() > 2 ? 2 : 0;
      text.Append(digits.substr(0, prefix), false);
      digits.erase(0, prefix);
      const auto missing = spec.width - static_cast<int64_t>(sign.size() + prefix + digits.size());
      if (spec.comma && missing > 0) return in.Fail("format: ',' with filling zeros is not supported");
      for (int64_t i = 0; i < missing; ++i) text.Append(spec.fill);
    }
    text.Append(digits, false);
  }
  const char align =
      spec.align == 0 || spec.align == '=' ? (v.is_number() && type != 's' && type != 'r' ? '>' : '<') : spec.align;
  if (align == '^') {
    // str.format puts the odd one to the right always.
    const int64_t missing = spec.width - CharCount(text.view());
    Text padded;
    for (int64_t i = 0; i < missing / 2; ++i) padded.Append(spec.fill);
    padded.Append(text);
    for (int64_t i = missing / 2; i < missing; ++i) padded.Append(spec.fill);
    return Value(std::move(padded));
  }
  return Pad(text, spec.width, align == '<' ? Align::kLeft : Align::kRight, spec.fill);
}

bool ParseSpec(Interpreter& in, const Text& marked, Spec& spec) {
  const std::string_view text = marked.view();
  size_t pos = 0;
  spec.given = !text.empty();
  const auto is_align = [&](size_t at) {
    return at < text.size() && std::string_view("<>^=").find(text[at]) != std::string_view::npos;
  };
  bool filled = false;
  if (const size_t first = text.empty() ? 0 : CharOffset(text, 1); first > 0 && is_align(first)) {
    spec.fill = marked.Part(0, first);
    spec.align = text[first];
    pos = first + 1;
    filled = true;
  } else if (is_align(0)) {
    spec.align = text[pos++];
  }
  spec.aligned_inside = spec.align == '=';
  if (pos < text.size() && (text[pos] == '+' || text[pos] == '-' || text[pos] == ' ')) spec.sign = text[pos++];
  if (pos < text.size() && text[pos] == '#') spec.prefix = true, ++pos;
  if (!filled && pos < text.size() && text[pos] == '0') {
    ++pos;
    spec.fill = Text("0", false);
    if (spec.align == 0) spec.align = '=';
  }
  spec.width = Digits(text, pos);
  if (pos < text.size() && text[pos] == ',') spec.comma = true, ++pos;
  if (pos < text.size() && text[pos] == '.') spec.precision = Digits(text, ++pos);
  if (pos < text.size()) spec.type = text[pos++];
  if (pos == text.size() && spec.type != 'r' && spec.type != 'c') return true;
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
  if (text.markup()) return in.Fail("format: text of the filters escape and safe is no format here");
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
    spec.percent = true;
    spec.align = '>';
    for (; pos < view.size() && std::string_view("-+ 0#").find(view[pos]) != std::string_view::npos; ++pos) {
      if (view[pos] == '-') spec.align = '<', spec.fill = Text(" ", false);
      if (view[pos] == '+' || (view[pos] == ' ' && spec.sign == 0)) spec.sign = view[pos];
      if (view[pos] == '0' && spec.align != '<') spec.align = '=', spec.fill = Text("0", false);
      if (view[pos] == '#') spec.prefix = true;
    }
    // A number, or * for one of the values.
    const auto size = [&] {
      if (pos == view.size() || view[pos] != '*') return Digits(view, pos);
      ++pos;
      if (used == args.positional.size() || !args.positional[used].is_integral())
        return in.Fail("format: * needs a whole number"), int64_t{0};
      return std::clamp<int64_t>(args.positional[used++].integer(), -(1 << 20), 1 << 20);
    };
    spec.width = size();
    if (spec.width < 0) spec.align = '<', spec.fill = Text(" ", false), spec.width = -spec.width;
    if (pos < view.size() && view[pos] == '.') spec.precision = (++pos, std::max<int64_t>(0, size()));
    if (!in.ok()) return Value();
    if (pos == view.size()) return in.Fail("format: the text ends within a %");
    const char type = view[pos++];
    if (type == '%') {
      out.Append("%", false);
      continue;
    }
    spec.type = type == 'i' || type == 'u' ? 'd' : type;
    if (std::string_view("scdrxXofFeEgG").find(spec.type) == std::string_view::npos)
      return in.Fail(std::string("format: unknown type %") + type);
    if (spec.align == '=' && std::string_view("scr").find(spec.type) != std::string_view::npos)
      spec.align = '>', spec.fill = Text(" ", false);
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
  if (text.markup()) return in.Fail("format: text of the filters escape and safe is no format here");
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
    const size_t begin = pos + 1;
    std::string_view field = view.substr(begin, close - begin);
    pos = close + 1;
    if (field.find('{') != field.npos) return in.Fail("format: braces inside braces are not supported");
    Spec spec;
    const size_t colon = field.find(':');
    if (colon != field.npos && !ParseSpec(in, text.Part(begin + colon + 1, close), spec)) return Value();
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
