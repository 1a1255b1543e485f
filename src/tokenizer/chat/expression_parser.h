// The expressions of Jinja's grammar; each function is one level of precedence, weakest first.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "lacuna/status.h"
#include "tokenizer/chat/ast.h"
#include "tokenizer/chat/lexer.h"

namespace lacuna::jinja {

// The first error sticks, and everything then ends quickly; what is returned after it may be null.
class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, const std::string& name) : tokens_(std::move(tokens)), name_(name) {}

  bool ok() const { return status_.ok(); }
  const Status& status() const { return status_; }

 protected:
  ExprPtr Expression(bool with_condition) { return with_condition ? Condition() : Or(); }
  // Expressions with commas between them are a tuple.
  ExprPtr Tuple(bool with_condition);
  // What is assigned to: a name, a tuple of them, or namespace.attribute. `end` is a name that may follow a comma.
  ExprPtr Target(const char* end);
  // `| filter | filter` behind `input`; with `named` the first | is not there.
  ExprPtr FilterChain(ExprPtr input, bool named);

  const Token& Peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  const Token& Next() { return at_ + 1 < tokens_.size() ? tokens_[at_++] : tokens_[at_]; }
  int line() const { return Peek().line; }
  bool At(Token::Type type) const { return Peek().type == type; }
  bool AtName(std::string_view name, size_t ahead = 0) const {
    return Peek(ahead).type == Token::Type::kName && Peek(ahead).text == name;
  }
  bool AtOperator(std::string_view text, size_t ahead = 0) const {
    return Peek(ahead).type == Token::Type::kOperator && Peek(ahead).text == text;
  }
  bool SkipName(std::string_view name) { return ok() && AtName(name) && (Next(), true); }
  bool SkipOperator(std::string_view text) { return ok() && AtOperator(text) && (Next(), true); }
  void Expect(Token::Type type, const std::string& what);
  void ExpectName(const std::string& name);
  void ExpectOperator(const std::string& text);
  std::string Name(const std::string& what);
  void Fail(const std::string& what);

  // Counts blocks or operands inside each other.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser);
    ~Nesting() { --parser_.nesting_; }

   private:
    ExpressionParser& parser_;
  };

  std::set<std::string> used_names_;

 private:
  ExprPtr Make(Expr::Kind kind, int line, std::vector<ExprPtr> items = {});
  ExprPtr Make(Expr::Kind kind, int line, ExprPtr a, ExprPtr b = nullptr);
  ExprPtr Constant(Value value);
  ExprPtr Condition();
  ExprPtr Or();
  ExprPtr And();
  ExprPtr Not();
  ExprPtr Compare();
  ExprPtr Binary(int level);
  ExprPtr Unary(bool with_filter);
  ExprPtr Primary();
  ExprPtr Postfix(ExprPtr node);
  ExprPtr FiltersAndTests(ExprPtr node);
  ExprPtr Test(ExprPtr node);
  ExprPtr Subscript(ExprPtr node);
  ExprPtr Parenthesised();
  ExprPtr ListDisplay();
  ExprPtr DictDisplay();
  std::vector<Argument> Arguments();

  std::vector<Token> tokens_;
  const std::string& name_;
  size_t at_ = 0;
  int nesting_ = 0;
  Status status_;
};

}  // namespace lacuna::jinja
