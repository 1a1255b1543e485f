// Runs a parsed template: a walk over the tree. Errors stick: after the first every step ends at once and values mean
// nothing. Limits on steps (which count bytes and items too), output and depth bound what a hostile template can take.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lacuna/status.h"
#include "tokenizer/chat/ast.h"
#include "tokenizer/chat/value.h"

namespace lacuna::jinja {

struct Limits {
  int64_t steps = 20'000'000;
  int64_t bytes = int64_t{64} << 20;  // of the output and of any string
  int depth = 600;                    // expressions, blocks and calls inside each other
};

struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>> variables;
  bool captured = false;  // a macro refers to it, so that it outlives its block
};

class Interpreter;
using FunctionBody = Value (*)(Interpreter&, Args&);

struct Function : Object {
  Function(const char* n, FunctionBody b) : Object(Type::kFunction), name(n), body(b) {}
  const char* name;
  FunctionBody body;
};
struct Method : Object {
  Method(Value s, std::string n) : Object(Type::kMethod), self(std::move(s)), name(std::move(n)) {}
  Value self;
  std::string name;
};
struct Macro : Object {
  Macro(const Stmt& s, std::string n, Scope* sc) : Object(Type::kMacro), stmt(s), name(std::move(n)), scope(sc) {}
  const Stmt& stmt;
  std::string name;
  Scope* scope;
};
struct Namespace : Object {
  Namespace() : Object(Type::kNamespace) {}
  Dict attributes;
};
struct Loop : Object {
  Loop() : Object(Type::kLoop) {}
  std::vector<Value> items;
  size_t index = 0;
  int depth = 1;
  const Stmt* recursive = nullptr;
  Scope* scope = nullptr;
  std::optional<Value> changed;
};
struct Cycler : Object {
  Cycler() : Object(Type::kCycler) {}
  std::vector<Value> items;
  size_t next = 0;
};
struct Joiner : Object {
  explicit Joiner(Value s) : Object(Type::kJoiner), separator(std::move(s)) {}
  Value separator;
  bool used = false;
};

class Interpreter {
 public:
  // `name` begins messages. `now` is the time of strftime_now in seconds since 1970; absent: the clock's.
  Interpreter(const std::string& name, const Limits& limits, std::optional<int64_t> now)
      : name_(name), limits_(limits), now_(now) {}
  ~Interpreter();

  // Names last as long as the interpreter.
  void SetGlobal(std::string_view name, Value value);
  Result<Text> Run(const Body& body);

  // For filters, tests, methods and functions.
  bool ok() const { return status_.ok(); }
  Value Fail(const std::string& what);
  Value Fail(const Status& status) { return Fail(status.message()); }
  bool Charge(int64_t steps);
  bool Fits(int64_t bytes);  // an error when no string may be so long
  const std::optional<int64_t>& now() const { return now_; }

  // The arguments by name, null where left out; an error for unknown ones and too many. `what` is for messages.
  std::vector<const Value*> Bind(const std::string& what, const Args& args, std::initializer_list<const char*> names);
  int64_t IntOr(const Value* value, int64_t absent, const char* what);

  Value GetAttribute(const Value& v, const std::string& name);
  Value GetItem(const Value& v, const Value& key);
  // 'a.0.b' as filters take it.
  Value GetPath(Value v, const Value& path);
  Value Call(const Value& callee, Args& args);
  Value CallFilter(const std::string& name, const Value& input, Args& args);
  bool CallTest(const std::string& name, const Value& input, Args& args);
  static bool HasFilter(const std::string& name);
  static bool HasTest(const std::string& name);

  // The items of a loop over `v`.
  std::vector<Value> Items(const Value& v);
  Value Str(const Value& v);  // str(v); a string stays itself
  std::string StrOf(const Value& v);
  bool IsEqual(const Value& a, const Value& b);
  // < 0, 0, > 0; an error for what has no order.
  int Order(const Value& a, const Value& b);
  bool Contains(const Value& container, const Value& item);
  Value Binary(const std::string& op, const Value& a, const Value& b);
  Value Slice(const Value& v, const Value& from, const Value& to, const Value& step);
  Value NewNamespace(Dict attributes);
  Value MakeUndefined(std::string why) { return Value(Undefined{std::make_shared<const std::string>(std::move(why))}); }
  Value RunLoop(const Loop& loop, const Value& items);  // loop(items) of a recursive loop

 private:
  enum class Flow { kNext, kBreak, kContinue };
  class ScopeHolder;
  class DepthGuard;

  // interpreter.cc
  Flow Execute(const Body& body);
  Flow Execute(const Stmt& stmt);
  Flow For(const Stmt& stmt, const Value& items, int depth, Scope* scope);
  void Assign(const Expr& target, Value value);
  void Set(std::string_view name, Value value);
  const Value* Lookup(std::string_view name);
  Text Capture(const Body& body, Scope* parent);
  void Emit(const Value& v);
  void Keep(Scope* scope);
  Value CallMacro(const Macro& macro, Args& args);
  Value MakeMacro(const Stmt& stmt, const std::string& name);

  // evaluate.cc
  Value Evaluate(const Expr& e);
  Value EvaluateNode(const Expr& e);
  Value Compare(const Expr& e);
  Value Display(const Expr& e);
  Value Filtered(const Expr& e, const Value* input);
  Args Arguments(const std::vector<Argument>& arguments);

  // methods.cc
  Value CallMethod(const Value& self, const std::string& name, Args& args);

  const std::string& name_;
  const Limits limits_;
  const std::optional<int64_t> now_;
  Status status_;
  int line_ = 1;
  int64_t steps_ = 0;
  int depth_ = 0;
  Scope root_;
  Scope* scope_ = &root_;
  Text* out_ = nullptr;
  std::vector<std::unique_ptr<Scope>> kept_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

// functions.cc: range, dict, namespace, cycler, joiner, raise_exception, strftime_now; null for others.
Value GlobalFunction(std::string_view name);
// The attributes that text and dicts have as methods.
bool IsMethod(const Value& v, std::string_view name);
// A method that Python's str has and we have not.
bool IsOtherStringMethod(std::string_view name);
// Python's % and str.format.
Value FormatPercent(Interpreter& in, const Value& format, const Args& args);
Value FormatBraces(Interpreter& in, const Value& format, const Args& args);

}  // namespace lacuna::jinja
