// Expressions.
#include <utility>

#include "tokenizer/chat/interpreter.h"

namespace lacuna::jinja {
namespace {

constexpr int kMaxDepth = 100;  // of values

}  // namespace

Value Interpreter::Evaluate(const Expr& e) {
  if (!Charge(1)) return Value();
  if (++depth_ > limits_.depth) Fail("calls and blocks are nested too deep");
  Value value = ok() ? EvaluateNode(e) : Value();
  --depth_;
  if (Depth(value) > kMaxDepth)
    return Fail("lists and dicts are nested more than " + std::to_string(kMaxDepth) + " deep");
  return ok() ? value : Value();
}

Value Interpreter::EvaluateNode(const Expr& e) {
  line_ = e.line;
  switch (e.kind) {
    case Expr::Kind::kConstant:
      return e.constant;
    case Expr::Kind::kName: {
      if (const Value* value = Lookup(e.name)) return *value;
      if (Value function = GlobalFunction(e.name); !function.is_undefined()) return function;
      return MakeUndefined("'" + e.name + "' is undefined");
    }
    case Expr::Kind::kList:
    case Expr::Kind::kTuple:
    case Expr::Kind::kDict:
      return Display(e);
    case Expr::Kind::kAttribute: {
      const Value v = Evaluate(*e.items[0]);
      line_ = e.line;
      return ok() ? GetAttribute(v, e.name) : Value();
    }
    case Expr::Kind::kItem: {
      const Value v = Evaluate(*e.items[0]), key = Evaluate(*e.items[1]);
      line_ = e.line;
      return ok() ? GetItem(v, key) : Value();
    }
    case Expr::Kind::kSlice: {
      const Value v = Evaluate(*e.items[0]);
      Value bounds[3];
      for (size_t i = 0; i < 3; ++i) bounds[i] = e.items[i + 1] ? Evaluate(*e.items[i + 1]) : Value(None{});
      line_ = e.line;
      return ok() ? Slice(v, bounds[0], bounds[1], bounds[2]) : Value();
    }
    case Expr::Kind::kCall: {
      const Value callee = Evaluate(*e.items[0]);
      Args args = Arguments(e.arguments);
      line_ = e.line;
      if (!ok()) return Value();
      Value value = Call(callee, args);
      return Charge(value.is_string() ? Weight(value) : 1) ? value : Value();
    }
    case Expr::Kind::kFilter:
      return Filtered(e, nullptr);
    case Expr::Kind::kTest: {
      // `is defined` asks for what may be undefined; every test gets its value as it is.
      const Value v = Evaluate(*e.items[0]);
      Args args = Arguments(e.arguments);
      line_ = e.line;
      return ok() ? Value(CallTest(e.name, v, args)) : Value();
    }
    case Expr::Kind::kNot:
      return Value(!Truth(Evaluate(*e.items[0])));
    case Expr::Kind::kNegative:
    case Expr::Kind::kPositive: {
      const Value v = Evaluate(*e.items[0]);
      line_ = e.line;
      if (!ok()) return Value();
      if (!v.is_number()) return Fail("a sign needs a number, not " + TypeName(v));
      const bool negative = e.kind == Expr::Kind::kNegative;
      if (v.is_float()) return Value(negative ? -v.number() : v.number());
      return negative ? Binary("-", Value(int64_t{0}), v) : Value(v.integer());
    }
    case Expr::Kind::kAnd:
    case Expr::Kind::kOr: {
      Value left = Evaluate(*e.items[0]);
      return Truth(left) == (e.kind == Expr::Kind::kOr) ? left : Evaluate(*e.items[1]);
    }
    case Expr::Kind::kBinary: {
      const Value a = Evaluate(*e.items[0]), b = Evaluate(*e.items[1]);
      line_ = e.line;
      return ok() ? Binary(e.name, a, b) : Value();
    }
    case Expr::Kind::kConcat: {
      Text text;
      for (const ExprPtr& item : e.items) {
        const Value part = Str(Evaluate(*item));
        if (!ok()) return Value();
        text.Append(part.text());
        if (!Fits(static_cast<int64_t>(text.size()))) return Value();
      }
      return Charge(static_cast<int64_t>(text.size()) / 16) ? Value(std::move(text)) : Value();
    }
    case Expr::Kind::kCompare:
      return Compare(e);
    case Expr::Kind::kIf:
      if (Truth(Evaluate(*e.items[1]))) return Evaluate(*e.items[0]);
      if (e.items[2]) return Evaluate(*e.items[2]);
      return MakeUndefined("the inline if expression of line " + std::to_string(e.line) + " was false and has no else");
  }
  return Value();
}

Value Interpreter::Display(const Expr& e) {
  std::vector<Value> values;
  values.reserve(e.items.size());
  for (const ExprPtr& item : e.items) {
    values.push_back(Evaluate(*item));
    if (!ok()) return Value();
  }
  if (e.kind == Expr::Kind::kList) return MakeList(std::move(values));
  if (e.kind == Expr::Kind::kTuple) return MakeList(std::move(values), ListKind::kTuple);
  Dict dict;
  for (size_t i = 0; i < values.size(); i += 2) {
    Charge(Weight(values[i]));
    if (ok() && !dict.Set(values[i], values[i + 1]))
      return Fail("a value of type " + TypeName(values[i]) + " cannot be a key");
  }
  return MakeDict(std::move(dict));
}

Value Interpreter::Compare(const Expr& e) {
  Value left = Evaluate(*e.items[0]);
  for (size_t i = 0; i < e.operators.size(); ++i) {
    const Value right = Evaluate(*e.items[i + 1]);
    line_ = e.line;
    if (!ok()) return Value();
    const std::string& op = e.operators[i];
    bool holds = false;
    if (op == "==" || op == "!=") {
      holds = IsEqual(left, right) == (op == "==");
    } else if (op == "in" || op == "not in") {
      holds = Contains(right, left) == (op == "in");
    } else if ((left.is_float() && left.number() != left.number()) ||
               (right.is_float() && right.number() != right.number())) {
      holds = false;
    } else {
      const int order = Order(left, right);
      holds = op == "<" ? order < 0 : op == ">" ? order > 0 : op == "<=" ? order <= 0 : order >= 0;
    }
    if (!ok()) return Value();
    if (!holds) return Value(false);
    left = right;
  }
  return Value(true);
}

Value Interpreter::Filtered(const Expr& e, const Value* input) {
  Value value;
  if (!e.items[0]) {
    value = *input;
  } else if (input != nullptr && e.items[0]->kind == Expr::Kind::kFilter) {
    value = Filtered(*e.items[0], input);
  } else {
    value = Evaluate(*e.items[0]);
  }
  Args args = Arguments(e.arguments);
  line_ = e.line;
  if (!ok() || !Charge(1)) return Value();
  Value result = CallFilter(e.name, value, args);
  return Charge(result.is_string() ? Weight(result) : 1) ? result : Value();
}

Args Interpreter::Arguments(const std::vector<Argument>& arguments) {
  Args args;
  for (const Argument& argument : arguments) {
    Value value = Evaluate(*argument.value);
    if (!ok()) break;
    switch (argument.kind) {
      case Argument::Kind::kPositional:
        args.positional.push_back(std::move(value));
        break;
      case Argument::Kind::kNamed:
        args.named.emplace_back(argument.name, std::move(value));
        break;
      case Argument::Kind::kList:
        for (Value& item : Items(value)) args.positional.push_back(std::move(item));
        break;
      case Argument::Kind::kDict:
        if (!value.is_dict()) return Fail("** needs a dict, not " + TypeName(value)), args;
        for (const auto& [key, item] : value.dict().items) {
          if (!key.is_string()) return Fail("** needs a dict whose keys are strings"), args;
          args.named.emplace_back(key.text().view(), item);
        }
        break;
    }
  }
  return args;
}

}  // namespace lacuna::jinja
