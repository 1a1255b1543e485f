// Hexadecimal digits.
#pragma once

namespace lacuna {

// 0 to 15, or -1 of what is no digit.
inline constexpr int HexDigit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

}  // namespace lacuna
