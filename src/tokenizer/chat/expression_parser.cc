#include "tokenizer/chat/expression_parser.h"

#include <algorithm>
#include <charconv>

#include "tokenizer/chat/parser.h"

namespace lacuna::jinja {

ExpressionParser::Nesting::Nesting(ExpressionParser& parser) : parser_(parser) {
  if (++parser_.nesting_ > 4 * kMaxNesting) parser_.Fail("blocks or brackets are nested too deep");
}

void ExpressionParser::Fail(const std::string& what) {
  if (!status_.ok()) return;
  status_ = TemplateError(name_, line(), what);
  at_ = tokens_.size() - 1;  // the end: every loop stops there
}

void ExpressionParser::Expect(Token::Type type, const std::string& what) {
  if (!ok()) return;
  if (!At(type)) return Fail("expected " + what + ", got '" + Peek().text + "'");
  Next();
}

void ExpressionParser::ExpectName(const std::string& name) {
  if (ok() && !SkipName(name)) Fail("expected " + name + ", got '" + Peek().text + "'");
}

void ExpressionParser::ExpectOperator(const std::string& text) {
  if (ok() && !SkipOperator(text)) Fail("expected '" + text + "', got '" + Peek().text + "'");
}

std::string ExpressionParser::Name(const std::string& what) {
  if (!ok()) return "";
  if (!At(Token::Type::kName)) return Fail("expected " + what + ", got '" + Peek().text + "'"), "";
  return Next().text;
}

ExprPtr ExpressionParser::Make(Expr::Kind kind, int line, std::vector<ExprPtr> items) {
  auto node = std::make_unique<Expr>();
  node->kind = kind;
  node->line = line;
  for (const ExprPtr& item : items) node->depth = std::max(node->depth, item ? item->depth + 1 : 1);
  node->items = std::move(items);
  // A chain like 1 + 1 + 1 + .. is as deep as it is long.
  if (node->depth > 2 * kMaxNesting) Fail("the expression is nested too deep");
  return node;
}

ExprPtr ExpressionParser::Make(Expr::Kind kind, int line, ExprPtr a, ExprPtr b) {
  std::vector<ExprPtr> items;
  items.push_back(std::move(a));
  if (b) items.push_back(std::move(b));
  return Make(kind, line, std::move(items));
}

ExprPtr ExpressionParser::Constant(Value value) {
  auto node = Make(Expr::Kind::kConstant, line());
  node->constant = std::move(value);
  return node;
}

ExprPtr ExpressionParser::Tuple(bool with_condition) {
  const int at = line();
  std::vector<ExprPtr> items;
  bool tuple = false;
  const auto ends = [&] {
    return At(Token::Type::kVariableEnd) || At(Token::Type::kBlockEnd) || AtOperator(")") || AtName("recursive");
  };
  while (ok()) {
    if (tuple && ends()) break;
    items.push_back(Expression(with_condition));
    if (!SkipOperator(",")) break;
    tuple = true;
  }
  if (!tuple && items.size() == 1) return std::move(items[0]);
  return Make(Expr::Kind::kTuple, at, std::move(items));
}

ExprPtr ExpressionParser::Target(const char* end) {
  const Nesting nesting(*this);
  const int at = line();
  std::vector<ExprPtr> items;
  bool tuple = false;
  while (ok()) {
    if (tuple && (AtOperator("=") || AtOperator(")") || (end != nullptr && AtName(end)))) break;
    if (SkipOperator("(")) {
      items.push_back(Target(nullptr));
      ExpectOperator(")");
    } else {
      ExprPtr name = Make(Expr::Kind::kName, line());
      name->name = Name("a name to assign to");
      if (name->name == "true" || name->name == "false" || name->name == "none" || name->name == "True" ||
          name->name == "False" || name->name == "None") {
        Fail("cannot assign to '" + name->name + "'");
      }
      if (SkipOperator(".")) {
        ExprPtr attribute = Make(Expr::Kind::kAttribute, line(), std::move(name));
        attribute->name = Name("an attribute's name");
        name = std::move(attribute);
      }
      items.push_back(std::move(name));
    }
    if (!SkipOperator(",")) break;
    tuple = true;
  }
  if (!tuple && items.size() == 1) return std::move(items[0]);
  return Make(Expr::Kind::kTuple, at, std::move(items));
}

ExprPtr ExpressionParser::Condition() {
  const Nesting nesting(*this);
  ExprPtr value = Or();
  while (ok() && AtName("if")) {
    const int at = line();
    Next();
    std::vector<ExprPtr> items;
    items.push_back(std::move(value));
    items.push_back(Or());
    items.push_back(SkipName("else") ? Condition() : nullptr);
    value = Make(Expr::Kind::kIf, at, std::move(items));
  }
  return value;
}

ExprPtr ExpressionParser::Or() {
  ExprPtr left = And();
  while (ok() && AtName("or")) {
    const int at = line();
    Next();
    left = Make(Expr::Kind::kOr, at, std::move(left), And());
  }
  return left;
}

ExprPtr ExpressionParser::And() {
  ExprPtr left = Not();
  while (ok() && AtName("and")) {
    const int at = line();
    Next();
    left = Make(Expr::Kind::kAnd, at, std::move(left), Not());
  }
  return left;
}

ExprPtr ExpressionParser::Not() {
  const Nesting nesting(*this);
  if (ok() && AtName("not")) {
    const int at = line();
    Next();
    return Make(Expr::Kind::kNot, at, Not());
  }
  return Compare();
}

ExprPtr ExpressionParser::Compare() {
  const int at = line();
  std::vector<ExprPtr> items;
  std::vector<std::string> operators;
  items.push_back(Binary(0));
  while (ok()) {
    if (At(Token::Type::kOperator)) {
      static const std::set<std::string> kOperators = {"==", "!=", "<", ">", "<=", ">="};
      if (kOperators.count(Peek().text) == 0) break;
      operators.push_back(Next().text);
    } else if (SkipName("in")) {
      operators.push_back("in");
    } else if (AtName("not") && AtName("in", 1)) {
      Next(), Next();
      operators.push_back("not in");
    } else {
      break;
    }
    items.push_back(Binary(0));
  }
  if (operators.empty()) return std::move(items[0]);
  ExprPtr node = Make(Expr::Kind::kCompare, at, std::move(items));
  node->operators = std::move(operators);
  return node;
}

// + and -, then ~, then * / // %, then **.
ExprPtr ExpressionParser::Binary(int level) {
  static const std::set<std::string> kLevels[] = {{"+", "-"}, {"~"}, {"*", "/", "//", "%"}, {"**"}};
  if (level == 4) return Unary(true);
  ExprPtr left = Binary(level + 1);
  while (ok() && At(Token::Type::kOperator) && kLevels[level].count(Peek().text) > 0) {
    const int at = line();
    const std::string name = Next().text;
    ExprPtr right = Binary(level + 1);
    if (level == 1 && left && left->kind == Expr::Kind::kConcat && ok()) {
      left->depth = std::max(left->depth, right->depth + 1);
      left->items.push_back(std::move(right));
      continue;
    }
    left = Make(level == 1 ? Expr::Kind::kConcat : Expr::Kind::kBinary, at, std::move(left), std::move(right));
    left->name = name;
  }
  return left;
}

ExprPtr ExpressionParser::Unary(bool with_filter) {
  const Nesting nesting(*this);
  const int at = line();
  ExprPtr node;
  if (SkipOperator("-")) {
    node = Make(Expr::Kind::kNegative, at, Unary(false));
  } else if (SkipOperator("+")) {
    node = Make(Expr::Kind::kPositive, at, Unary(false));
  } else {
    node = Primary();
  }
  node = Postfix(std::move(node));
  return with_filter ? FiltersAndTests(std::move(node)) : std::move(node);
}

ExprPtr ExpressionParser::Primary() {
  if (!ok()) return Constant(None{});
  const Token& token = Peek();
  switch (token.type) {
    case Token::Type::kName: {
      ExprPtr node;
      const std::string& name = token.text;
      if (name == "true" || name == "True" || name == "false" || name == "False") {
        node = Constant(name == "true" || name == "True");
      } else if (name == "none" || name == "None") {
        node = Constant(None{});
      } else {
        node = Make(Expr::Kind::kName, token.line);
        node->name = name;
        used_names_.insert(name);
      }
      Next();
      return node;
    }
    case Token::Type::kString: {
      std::string text;
      ExprPtr node = Constant(None{});
      while (At(Token::Type::kString)) text += Next().text;
      node->constant = Value::String(text);
      return node;
    }
    case Token::Type::kInteger: {
      int64_t value = 0;
      if (std::from_chars(token.text.data(), token.text.data() + token.text.size(), value).ec != std::errc()) {
        Fail("the number " + token.text.substr(0, 40) + " is too large");
      }
      ExprPtr node = Constant(value);
      Next();
      return node;
    }
    case Token::Type::kFloat: {
      double value = 0;
      if (std::from_chars(token.text.data(), token.text.data() + token.text.size(), value).ec != std::errc()) {
        Fail("the number " + token.text.substr(0, 40) + " is out of range");
      }
      ExprPtr node = Constant(value);
      Next();
      return node;
    }
    default:
      break;
  }
  if (AtOperator("(")) return Parenthesised();
  if (AtOperator("[")) return ListDisplay();
  if (AtOperator("{")) return DictDisplay();
  Fail("expected an expression, got '" + token.text + "'");
  return Constant(None{});
}

ExprPtr ExpressionParser::Parenthesised() {
  const int at = line();
  Next();
  if (SkipOperator(")")) return Make(Expr::Kind::kTuple, at);
  ExprPtr node = Tuple(true);
  ExpectOperator(")");
  return node;
}

ExprPtr ExpressionParser::ListDisplay() {
  const int at = line();
  Next();
  std::vector<ExprPtr> items;
  while (ok() && !AtOperator("]")) {
    items.push_back(Condition());
    if (!SkipOperator(",")) break;
  }
  ExpectOperator("]");
  return Make(Expr::Kind::kList, at, std::move(items));
}

ExprPtr ExpressionParser::DictDisplay() {
  const int at = line();
  Next();
  std::vector<ExprPtr> items;
  while (ok() && !AtOperator("}")) {
    items.push_back(Condition());
    ExpectOperator(":");
    items.push_back(Condition());
    if (!SkipOperator(",")) break;
  }
  ExpectOperator("}");
  return Make(Expr::Kind::kDict, at, std::move(items));
}

ExprPtr ExpressionParser::Postfix(ExprPtr node) {
  while (ok()) {
    const int at = line();
    if (AtOperator(".")) {
      Next();
      if (At(Token::Type::kInteger)) {
        ExprPtr index = Primary();
        node = Make(Expr::Kind::kItem, at, std::move(node), std::move(index));
      } else {
        node = Make(Expr::Kind::kAttribute, at, std::move(node));
        node->name = Name("a name or number behind '.'");
      }
    } else if (AtOperator("[")) {
      node = Subscript(std::move(node));
    } else if (AtOperator("(")) {
      node = Make(Expr::Kind::kCall, at, std::move(node));
      node->arguments = Arguments();
    } else {
      break;
    }
  }
  return node;
}

ExprPtr ExpressionParser::Subscript(ExprPtr node) {
  const int at = line();
  Next();
  const auto bound = [&]() -> ExprPtr { return AtOperator(":") || AtOperator("]") ? nullptr : Condition(); };
  ExprPtr first = bound();
  if (AtOperator(":")) {
    std::vector<ExprPtr> items;
    items.push_back(std::move(node));
    items.push_back(std::move(first));
    Next();
    items.push_back(bound());
    items.push_back(SkipOperator(":") ? bound() : nullptr);
    ExpectOperator("]");
    return Make(Expr::Kind::kSlice, at, std::move(items));
  }
  if (!first) Fail("expected an index between [ and ]");
  if (ok() && AtOperator(",")) {
    std::vector<ExprPtr> items;
    items.push_back(std::move(first));
    while (SkipOperator(",")) items.push_back(Condition());
    first = Make(Expr::Kind::kTuple, at, std::move(items));
  }
  ExpectOperator("]");
  return Make(Expr::Kind::kItem, at, std::move(node), std::move(first));
}

ExprPtr ExpressionParser::FiltersAndTests(ExprPtr node) {
  while (ok()) {
    if (AtOperator("|")) {
      node = FilterChain(std::move(node), false);
    } else if (AtName("is")) {
      node = Test(std::move(node));
    } else if (AtOperator("(")) {
      node = Make(Expr::Kind::kCall, line(), std::move(node));
      node->arguments = Arguments();
    } else {
      break;
    }
  }
  return node;
}

ExprPtr ExpressionParser::FilterChain(ExprPtr input, bool named) {
  while (ok() && (named || AtOperator("|"))) {
    if (!named) Next();
    named = false;
    ExprPtr node = Make(Expr::Kind::kFilter, line(), std::move(input));
    node->name = Name("a filter's name");
    if (AtOperator("(")) node->arguments = Arguments();
    input = std::move(node);
  }
  return input;
}

ExprPtr ExpressionParser::Test(ExprPtr node) {
  const int at = line();
  Next();
  const bool negated = SkipName("not");
  ExprPtr test = Make(Expr::Kind::kTest, at, std::move(node));
  test->name = Name("a test's name");
  const bool argument = At(Token::Type::kName) || At(Token::Type::kString) || At(Token::Type::kInteger) ||
                        At(Token::Type::kFloat) || AtOperator("[") || AtOperator("{");
  if (AtOperator("(")) {
    test->arguments = Arguments();
  } else if (ok() && argument && !AtName("else") && !AtName("or") && !AtName("and")) {
    if (AtName("is")) Fail("tests cannot be chained with is");
    ExprPtr value = Primary();
    test->arguments.push_back({Argument::Kind::kPositional, "", Postfix(std::move(value))});
  }
  return negated ? Make(Expr::Kind::kNot, at, std::move(test)) : std::move(test);
}

std::vector<Argument> ExpressionParser::Arguments() {
  std::vector<Argument> arguments;
  ExpectOperator("(");
  while (ok() && !AtOperator(")")) {
    using Kind = Argument::Kind;
    if (SkipOperator("*")) {
      arguments.push_back({Kind::kList, "", Condition()});
    } else if (SkipOperator("**")) {
      arguments.push_back({Kind::kDict, "", Condition()});
    } else if (At(Token::Type::kName) && AtOperator("=", 1)) {
      std::string name = Next().text;
      Next();
      arguments.push_back({Kind::kNamed, std::move(name), Condition()});
    } else {
      if (!arguments.empty() && arguments.back().kind != Kind::kPositional)
        Fail("a positional argument stands behind a named one");
      arguments.push_back({Kind::kPositional, "", Condition()});
    }
    if (!SkipOperator(",")) break;
  }
  ExpectOperator(")");
  return arguments;
}

}  // namespace lacuna::jinja
