#include "tokenizer/chat/interpreter.h"

#include <utility>

#include "tokenizer/chat/lexer.h"
#include "tokenizer/chat/print.h"

namespace lacuna::jinja {

// A scope for as long as a block runs.
class Interpreter::ScopeHolder {
 public:
  ScopeHolder(Interpreter& in, Scope* parent) : in_(in), before_(in.scope_), scope_(std::make_unique<Scope>()) {
    scope_->parent = parent;
    in_.scope_ = scope_.get();
  }
  ~ScopeHolder() {
    in_.scope_ = before_;
    if (scope_->captured) in_.kept_.push_back(std::move(scope_));
  }

 private:
  Interpreter& in_;
  Scope* before_;
  std::unique_ptr<Scope> scope_;
};

class Interpreter::DepthGuard {
 public:
  explicit DepthGuard(Interpreter& in) : in_(in) {
    if (++in_.depth_ > in_.limits_.depth) in_.Fail("calls and blocks are nested too deep");
  }
  ~DepthGuard() { --in_.depth_; }

 private:
  Interpreter& in_;
};

Interpreter::~Interpreter() {
  // Namespaces may hold each other.
  for (const auto& space : namespaces_) space->attributes = {};
}

Value Interpreter::Fail(const std::string& what) {
  if (status_.ok()) status_ = TemplateError(name_, line_, what);
  return Value();
}

bool Interpreter::Charge(int64_t steps) {
  steps_ += std::min(steps, limits_.steps + 1);
  if (steps_ > limits_.steps) Fail("the template takes more than " + std::to_string(limits_.steps) + " steps");
  return ok();
}

bool Interpreter::Fits(int64_t bytes) {
  if (bytes > limits_.bytes) Fail("the text grows beyond " + std::to_string(limits_.bytes) + " bytes");
  return ok();
}

void Interpreter::SetGlobal(std::string_view name, Value value) {
  for (auto& [key, old] : root_.variables) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  root_.variables.emplace_back(name, std::move(value));
}

Result<Text> Interpreter::Run(const Body& body) {
  Text out;
  out_ = &out;
  // The template's own variables stand before the caller's.
  {
    const ScopeHolder scope(*this, &root_);
    Execute(body);
  }
  out_ = nullptr;
  if (!ok()) return status_;
  return out;
}

Value Interpreter::NewNamespace(Dict attributes) {
  if (!Charge(8)) return Value();
  auto space = std::make_shared<Namespace>();
  space->attributes = std::move(attributes);
  namespaces_.push_back(space);
  return Value(std::shared_ptr<Object>(std::move(space)));
}

const Value* Interpreter::Lookup(std::string_view name) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    Charge(static_cast<int64_t>(scope->variables.size()) / 16);
    for (const auto& [key, value] : scope->variables) {
      if (key == name) return &value;
    }
  }
  return nullptr;
}

void Interpreter::Set(std::string_view name, Value value) {
  Charge(static_cast<int64_t>(scope_->variables.size()) / 16);
  for (auto& [key, old] : scope_->variables) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  scope_->variables.emplace_back(name, std::move(value));
}

void Interpreter::Assign(const Expr& target, Value value) {
  if (!ok()) return;
  line_ = target.line;
  if (target.kind == Expr::Kind::kName) return Set(target.name, std::move(value));
  if (target.kind == Expr::Kind::kAttribute) {
    const Value* space = Lookup(target.items[0]->name);
    if (space == nullptr || !space->is_object() || space->object().type != Object::Type::kNamespace) {
      Fail("'" + target.items[0]->name + "' is no namespace: only a namespace's attributes can be set");
    } else if (target.name[0] == '_') {
      Fail("attributes of a namespace cannot begin with _");
    } else {
      static_cast<Namespace&>(space->object()).attributes.Set(Value::String(target.name), std::move(value));
    }
    return;
  }
  const std::vector<Value> items = Items(value);
  if (!ok()) return;
  if (items.size() != target.items.size()) {
    Fail("cannot unpack " + std::to_string(items.size()) + " values into " + std::to_string(target.items.size()) +
         " names");
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) Assign(*target.items[i], items[i]);
}

void Interpreter::Emit(const Value& v) {
  if (!ok() || !Charge(Weight(v))) return;
  if (const Status status = Print(v, *out_); !status.ok()) Fail(status);
  Fits(static_cast<int64_t>(out_->size()));
}

Text Interpreter::Capture(const Body& body, Scope* parent) {
  Text text;
  Text* before = std::exchange(out_, &text);
  {
    const ScopeHolder scope(*this, parent);
    Execute(body);
  }
  out_ = before;
  Charge(static_cast<int64_t>(text.size()) / 16);
  return text;
}

void Interpreter::Keep(Scope* scope) {
  for (; scope != nullptr && !scope->captured; scope = scope->parent) {
    scope->captured = true;
    Charge(64);
  }
}

Interpreter::Flow Interpreter::Execute(const Body& body) {
  for (const auto& stmt : body) {
    const Flow flow = Execute(*stmt);
    if (!ok()) return Flow::kNext;
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::Execute(const Stmt& stmt) {
  const DepthGuard depth(*this);
  if (!Charge(1)) return Flow::kNext;
  line_ = stmt.line;
  switch (stmt.kind) {
    case Stmt::Kind::kData:
      out_->Append(stmt.data);
      if (Charge(static_cast<int64_t>(stmt.data.size()) / 16)) Fits(static_cast<int64_t>(out_->size()));
      return Flow::kNext;
    case Stmt::Kind::kPrint:
      Emit(Evaluate(*stmt.value));
      return Flow::kNext;
    case Stmt::Kind::kIf:
      return Execute(Truth(Evaluate(*stmt.value)) ? stmt.body : stmt.otherwise);
    case Stmt::Kind::kFor:
      return For(stmt, Evaluate(*stmt.value), 1, scope_);
    case Stmt::Kind::kSet:
      Assign(*stmt.target, Evaluate(*stmt.value));
      return Flow::kNext;
    case Stmt::Kind::kSetBody: {
      Value value(Capture(stmt.body, scope_));
      if (stmt.value) value = Filtered(*stmt.value, &value);
      Assign(*stmt.target, std::move(value));
      return Flow::kNext;
    }
    case Stmt::Kind::kMacro:
      Set(stmt.name, MakeMacro(stmt, stmt.name));
      return Flow::kNext;
    case Stmt::Kind::kCall: {
      const Value callee = Evaluate(*stmt.value->items[0]);
      Args args = Arguments(stmt.value->arguments);
      args.named.emplace_back("caller", MakeMacro(stmt, "caller"));
      line_ = stmt.line;
      if (ok()) Emit(Call(callee, args));
      return Flow::kNext;
    }
    case Stmt::Kind::kFilter: {
      const Value value(Capture(stmt.body, scope_));
      Emit(Filtered(*stmt.value, &value));
      return Flow::kNext;
    }
    case Stmt::Kind::kWith: {
      // Values are taken from outside, so that {% with a = a %} works.
      std::vector<Value> values;
      for (const auto& [target, value] : stmt.assignments) values.push_back(Evaluate(*value));
      const ScopeHolder scope(*this, scope_);
      for (size_t i = 0; i < values.size(); ++i) Assign(*stmt.assignments[i].first, values[i]);
      return Execute(stmt.body);
    }
    case Stmt::Kind::kScope: {
      const ScopeHolder scope(*this, scope_);
      Execute(stmt.body);
      return Flow::kNext;
    }
    case Stmt::Kind::kBreak:
      return Flow::kBreak;
    case Stmt::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::For(const Stmt& stmt, const Value& items, int depth, Scope* parent) {
  auto loop = std::make_shared<Loop>();
  loop->items = Items(items);
  if (stmt.condition) {
    std::vector<Value> kept;
    for (const Value& item : loop->items) {
      const ScopeHolder scope(*this, parent);
      Assign(*stmt.target, item);
      if (Truth(Evaluate(*stmt.condition))) kept.push_back(item);
      if (!ok()) return Flow::kNext;
    }
    loop->items = std::move(kept);
  }
  if (!ok()) return Flow::kNext;
  loop->depth = depth;
  if (stmt.recursive) {
    loop->recursive = &stmt;
    loop->scope = parent;
    Keep(parent);
  }
  // Jinja takes `else` when no round came to its end: break and continue count like an empty list.
  bool completed = false;
  for (; loop->index < loop->items.size() && ok(); ++loop->index) {
    if (!Charge(1)) break;
    const ScopeHolder scope(*this, parent);
    Set("loop", Value(std::shared_ptr<Object>(loop)));
    Assign(*stmt.target, loop->items[loop->index]);
    const Flow flow = Execute(stmt.body);
    if (flow == Flow::kBreak) break;
    completed = completed || flow == Flow::kNext;
  }
  if (completed || !ok()) return Flow::kNext;
  const ScopeHolder scope(*this, parent);
  return Execute(stmt.otherwise);
}

Value Interpreter::RunLoop(const Loop& loop, const Value& items) {
  if (loop.recursive == nullptr) return Fail("the loop is not recursive: write {% for .. in .. recursive %}");
  const DepthGuard depth(*this);
  if (!ok()) return Value();
  Text text;
  Text* before = std::exchange(out_, &text);
  For(*loop.recursive, items, loop.depth + 1, loop.scope);
  out_ = before;
  Charge(static_cast<int64_t>(text.size()) / 16);
  return Value(std::move(text));
}

Value Interpreter::MakeMacro(const Stmt& stmt, const std::string& name) {
  Keep(scope_);
  return Value(std::shared_ptr<Object>(std::make_shared<Macro>(stmt, name, scope_)));
}

Value Interpreter::CallMacro(const Macro& macro, Args& args) {
  const DepthGuard depth(*this);
  if (!Charge(4)) return Value();
  const Signature& signature = macro.stmt.signature;
  const std::string what = "macro '" + macro.name + "'";
  std::vector<std::optional<Value>> values(signature.names.size());
  std::vector<Value> more;
  for (size_t i = 0; i < args.positional.size(); ++i) {
    if (i < values.size()) {
      values[i] = args.positional[i];
    } else {
      more.push_back(args.positional[i]);
    }
  }
  Dict others;
  std::optional<Value> caller;
  for (auto& [name, value] : args.named) {
    size_t at = 0;
    while (at < signature.names.size() && signature.names[at] != name) ++at;
    if (at < signature.names.size()) {
      if (values[at]) return Fail(what + " got '" + name + "' twice");
      values[at] = value;
    } else if (name == "caller" && signature.wants_caller) {
      caller = value;
    } else if (signature.wants_kwargs && name != "caller") {
      others.Set(Value(Text(name, true)), value);  // ** may have taken the name from the conversation
    } else {
      return Fail(what + " takes no argument '" + name + "'");
    }
  }
  if (!more.empty() && !signature.wants_varargs) {
    return Fail(what + " takes at most " + std::to_string(signature.names.size()) + " arguments, got " +
                std::to_string(args.positional.size()));
  }
  const int line = line_;
  Text text;
  Text* before = std::exchange(out_, &text);
  {
    const ScopeHolder scope(*this, macro.scope);
    const size_t first_default = signature.names.size() - signature.defaults.size();
    for (size_t i = 0; i < values.size() && ok(); ++i) {
      if (values[i]) {
        Set(signature.names[i], *values[i]);
      } else if (i >= first_default) {
        Set(signature.names[i], Evaluate(*signature.defaults[i - first_default]));
      } else {
        Set(signature.names[i], MakeUndefined("parameter '" + signature.names[i] + "' was not provided"));
      }
    }
    if (signature.wants_varargs) Set("varargs", MakeList(std::move(more), ListKind::kTuple));
    if (signature.wants_kwargs) Set("kwargs", MakeDict(std::move(others)));
    if (signature.wants_caller) Set("caller", caller ? *caller : MakeUndefined("no caller is defined"));
    if (ok()) Execute(macro.stmt.body);
  }
  out_ = before;
  line_ = line;
  Charge(static_cast<int64_t>(text.size()) / 16);
  return Value(std::move(text));
}

}  // namespace lacuna::jinja
