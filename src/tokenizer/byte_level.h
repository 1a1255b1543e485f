// GPT-2's alphabet for bytes: every byte as one printable character, so that tokens of any bytes are text.
//   '!'..'~', U+00A1..U+00AC, U+00AE..U+00FF stand for themselves;
//   the other 68 bytes, in order, are U+0100, U+0101, ... (the space is U+0120, "Ġ").
#pragma once

#include <string>
#include <string_view>

namespace lacuna {

// Appends every byte of `bytes` as its character.
void AppendByteLevel(std::string_view bytes, std::string& out);

// The byte that `c` stands for, or -1.
int ByteOfChar(char32_t c);

// The byte of a byte fallback token, <0x00> to <0xFF>, or -1.
int ByteOfFallback(std::string_view token);

}  // namespace lacuna
