// Checks that every op shares.
#pragma once

#include <string>

#include "backend/view.h"
#include "base/status_macros.h"

namespace lacuna {

inline Status CheckView(const char* what, const View& v, int64_t rows, int64_t cols) {
  if (v.data != nullptr && v.rows == rows && v.cols == cols && v.stride >= cols && v.type == ElementType::kF32)
    return {};
  return InternalError(std::string(what) + " is [" + std::to_string(v.rows) + "][" + std::to_string(v.cols) +
                       "], expected f32 [" + std::to_string(rows) + "][" + std::to_string(cols) + "]");
}

}  // namespace lacuna
