// Early return on errors, for library code that returns Status or Result<T>.
#pragma once

#include "lacuna/status.h"

#define LACUNA_RETURN_IF_ERROR(expr)                                                           \
  do {                                                                                         \
    if (::lacuna::Status lacuna_status_ = (expr); !lacuna_status_.ok()) return lacuna_status_; \
  } while (0)

#define LACUNA_CONCAT_INNER(a, b) a##b
#define LACUNA_CONCAT(a, b) LACUNA_CONCAT_INNER(a, b)

// LACUNA_ASSIGN_OR_RETURN(auto x, F()): x is F's value, or the function returns F's error.
#define LACUNA_ASSIGN_OR_RETURN(lhs, expr) \
  LACUNA_ASSIGN_OR_RETURN_IMPL(LACUNA_CONCAT(lacuna_result_, __LINE__), lhs, expr)
#define LACUNA_ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                                 \
  if (!tmp.ok()) return tmp.status();                \
  lhs = std::move(tmp).value()
