#include "tokenizer/chat/parser.h"

#include <set>

#include "base/status_macros.h"
#include "tokenizer/chat/expression_parser.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

class StatementParser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  // Statements up to a block that begins with one of `ends`, which is left as the current token ({% is consumed).
  Body Statements(std::initializer_list<const char*> ends) {
    Body body;
    const Nesting nesting(*this);
    while (ok()) {
      if (At(Token::Type::kEnd)) {
        if (ends.size() > 0) {
          std::string wanted;
          for (const char* end : ends) wanted += (wanted.empty() ? "" : " or ") + std::string(end);
          Fail("the template ends where {% " + wanted + " %} is missing, for the block of line " +
               std::to_string(block_line_));
        }
        break;
      }
      if (At(Token::Type::kData)) {
        auto data = New(Stmt::Kind::kData);
        data->data = Text(Next().text, false);
        body.push_back(std::move(data));
      } else if (At(Token::Type::kVariableBegin)) {
        Next();
        auto print = New(Stmt::Kind::kPrint);
        print->value = Tuple(true);
        Expect(Token::Type::kVariableEnd, "}}");
        body.push_back(std::move(print));
      } else {
        Next();  // {%
        for (const char* end : ends) {
          if (AtName(end)) return body;
        }
        Statement(body);
        if (ok()) Expect(Token::Type::kBlockEnd, "%}");
      }
    }
    return body;
  }

 private:
  std::unique_ptr<Stmt> New(Stmt::Kind kind) {
    auto stmt = std::make_unique<Stmt>();
    stmt->kind = kind;
    stmt->line = line();
    return stmt;
  }
  void BlockEnd() { Expect(Token::Type::kBlockEnd, "%}"); }
  // The body of a block whose opening tag ends here; the closing name is consumed.
  Body Block(const char* end) {
    const int line = block_line_;
    block_line_ = this->line();
    BlockEnd();
    Body body = Statements({end});
    ExpectName(end);
    block_line_ = line;
    return body;
  }

  void Statement(Body& body) {
    const std::string name = At(Token::Type::kName) ? Peek().text : "";
    std::unique_ptr<Stmt> stmt;
    if (name == "if") {
      stmt = If();
    } else if (name == "for") {
      stmt = For();
    } else if (name == "set") {
      stmt = Set();
    } else if (name == "macro") {
      stmt = Macro();
    } else if (name == "call") {
      stmt = CallBlock();
    } else if (name == "filter") {
      stmt = New(Stmt::Kind::kFilter);
      Next();
      stmt->value = FilterChain(nullptr, true);
      stmt->body = Block("endfilter");
    } else if (name == "with") {
      stmt = With();
    } else if (name == "generation") {
      stmt = New(Stmt::Kind::kScope);
      Next();
      const int loops = std::exchange(loops_, 0);
      stmt->body = Block("endgeneration");
      loops_ = loops;
    } else if (name == "break" || name == "continue") {
      stmt = New(name == "break" ? Stmt::Kind::kBreak : Stmt::Kind::kContinue);
      if (loops_ == 0) return Fail(name + " outside of a loop");
      Next();
    } else if (name.empty()) {
      return Fail("expected a statement behind {%, got '" + Peek().text + "'");
    } else {
      return Fail("unknown statement '" + name +
                  "'; lacuna has if, for, set, macro, call, filter, with, generation, raw, "
                  "break and continue");
    }
    body.push_back(std::move(stmt));
  }

  // At "if" or "elif".
  std::unique_ptr<Stmt> If() {
    const Nesting nesting(*this);
    auto stmt = New(Stmt::Kind::kIf);
    const int line = std::exchange(block_line_, stmt->line);
    Next();
    stmt->value = Tuple(false);
    BlockEnd();
    stmt->body = Statements({"elif", "else", "endif"});
    if (ok() && AtName("elif")) {
      stmt->otherwise.push_back(If());
    } else if (SkipName("else")) {
      BlockEnd();
      stmt->otherwise = Statements({"endif"});
      ExpectName("endif");
    } else {
      ExpectName("endif");
    }
    block_line_ = line;
    return stmt;
  }

  std::unique_ptr<Stmt> For() {
    auto stmt = New(Stmt::Kind::kFor);
    const int line = std::exchange(block_line_, stmt->line);
    Next();
    stmt->target = Target("in");
    ExpectName("in");
    stmt->value = Tuple(false);
    if (SkipName("if")) stmt->condition = Expression(true);
    stmt->recursive = SkipName("recursive");
    BlockEnd();
    ++loops_;
    stmt->body = Statements({"endfor", "else"});
    --loops_;
    if (SkipName("else")) {
      BlockEnd();
      stmt->otherwise = Statements({"endfor"});
    }
    ExpectName("endfor");
    block_line_ = line;
    return stmt;
  }

  std::unique_ptr<Stmt> Set() {
    auto stmt = New(Stmt::Kind::kSet);
    Next();
    stmt->target = Target(nullptr);
    if (SkipOperator("=")) {
      stmt->value = Tuple(true);
      return stmt;
    }
    stmt->kind = Stmt::Kind::kSetBody;
    if (AtOperator("|")) stmt->value = FilterChain(nullptr, false);
    stmt->body = Block("endset");
    return stmt;
  }

  std::unique_ptr<Stmt> Macro() {
    auto stmt = New(Stmt::Kind::kMacro);
    Next();
    stmt->name = Name("the macro's name");
    Callable(*stmt, "endmacro");
    return stmt;
  }

  std::unique_ptr<Stmt> CallBlock() {
    auto stmt = New(Stmt::Kind::kCall);
    Next();
    if (AtOperator("(")) Parameters(stmt->signature);
    stmt->value = Expression(true);
    if (ok() && stmt->value->kind != Expr::Kind::kCall) Fail("{% call %} needs a call, as in {% call name() %}");
    Callable(*stmt, "endcall");
    return stmt;
  }

  // Parameters, if not there yet, and the body, noting which of the implicit names the body uses.
  void Callable(Stmt& stmt, const char* end) {
    if (stmt.kind == Stmt::Kind::kMacro) Parameters(stmt.signature);
    const int loops = std::exchange(loops_, 0);
    std::set<std::string> before = std::exchange(used_names_, {});
    stmt.body = Block(end);
    stmt.signature.wants_varargs = used_names_.count("varargs") > 0;
    stmt.signature.wants_kwargs = used_names_.count("kwargs") > 0;
    stmt.signature.wants_caller = used_names_.count("caller") > 0;
    used_names_.insert(before.begin(), before.end());
    loops_ = loops;
  }

  void Parameters(Signature& signature) {
    ExpectOperator("(");
    while (ok() && !AtOperator(")")) {
      if (!signature.names.empty()) {
        ExpectOperator(",");
        if (AtOperator(")")) break;
      }
      signature.names.push_back(Name("a parameter's name"));
      if (SkipOperator("=")) {
        signature.defaults.push_back(Expression(true));
      } else if (!signature.defaults.empty()) {
        return Fail("the parameter '" + signature.names.back() +
                    "' without a default stands behind one with a default");
      }
    }
    ExpectOperator(")");
  }

  std::unique_ptr<Stmt> With() {
    auto stmt = New(Stmt::Kind::kWith);
    Next();
    while (ok() && !At(Token::Type::kBlockEnd)) {
      if (!stmt->assignments.empty()) ExpectOperator(",");
      ExprPtr target = Target(nullptr);
      ExpectOperator("=");
      stmt->assignments.emplace_back(std::move(target), Expression(true));
    }
    stmt->body = Block("endwith");
    return stmt;
  }

  int loops_ = 0;
  int block_line_ = 1;
};

}  // namespace

Result<Body> ParseTemplate(std::string_view source, const std::string& name) {
  if (source.size() > kMaxTemplateBytes) {
    return InvalidInput(name + ": the template has " + std::to_string(source.size()) + " bytes, at most " +
                        std::to_string(kMaxTemplateBytes) + " are supported");
  }
  if (!unicode::IsValidUtf8(source)) return InvalidInput(name + ": the template is not UTF-8");
  LACUNA_ASSIGN_OR_RETURN(std::vector<Token> tokens, Lex(source, name));
  StatementParser parser(std::move(tokens), name);
  Body body = parser.Statements({});
  if (!parser.ok()) return parser.status();
  return body;
}

}  // namespace lacuna::jinja
