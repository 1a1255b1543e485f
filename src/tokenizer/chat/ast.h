// A parsed template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tokenizer/chat/value.h"

namespace lacuna::jinja {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Argument {
  enum class Kind { kPositional, kNamed, kList, kDict } kind;  // x, name=x, *x, **x
  std::string name;
  ExprPtr value;
};

struct Expr {
  enum class Kind {
    kConstant,   // constant
    kName,       // name
    kList,       // items
    kTuple,      // items
    kDict,       // items: key, value, key, value, ..
    kAttribute,  // items[0].name
    kItem,       // items[0][items[1]]
    kSlice,      // items[0][items[1]:items[2]:items[3]], null where left out
    kCall,       // items[0](arguments)
    kFilter,     // items[0] | name(arguments); items[0] is null in {% filter %} and {% set | %}
    kTest,       // items[0] is name(arguments)
    kNot,
    kNegative,
    kPositive,
    kAnd,
    kOr,
    kBinary,   // items[0] name items[1], name one of + - * / // % **
    kConcat,   // ~ of all items
    kCompare,  // items[0] operators[0] items[1] operators[1] items[2] ..
    kIf,       // items[0] if items[1] else items[2], which may be null
  };
  Kind kind;
  int line;
  std::string name;
  Value constant;
  std::vector<ExprPtr> items;
  std::vector<std::string> operators;
  std::vector<Argument> arguments;
  int depth = 1;
};

struct Stmt;
using Body = std::vector<std::unique_ptr<Stmt>>;

// The parameters of a macro or of a call block; the last defaults.size() ones have defaults.
struct Signature {
  std::vector<std::string> names;
  std::vector<ExprPtr> defaults;
  bool wants_varargs = false, wants_kwargs = false, wants_caller = false;  // the body uses these names
};

struct Stmt {
  enum class Kind {
    kData,     // data
    kPrint,    // value
    kIf,       // if value: body, otherwise: otherwise (which holds an elif as another kIf)
    kFor,      // for target in value if condition: body, else otherwise
    kSet,      // target = value
    kSetBody,  // target = body through value (a filter, or null)
    kMacro,    // name, signature, body
    kCall,     // value is the call; signature and body are the caller
    kFilter,   // body through value
    kWith,     // targets = values: body
    kScope,    // body in a scope of its own ({% generation %})
    kBreak,
    kContinue,
  };
  Kind kind;
  int line;
  Text data;
  std::string name;
  ExprPtr target, value, condition;
  std::vector<std::pair<ExprPtr, ExprPtr>> assignments;
  Signature signature;
  bool recursive = false;
  Body body, otherwise;
};

}  // namespace lacuna::jinja
