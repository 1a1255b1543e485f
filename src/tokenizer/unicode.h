// UTF-8 and the character properties that tokenizers ask for. Text is valid UTF-8 unless a function says otherwise;
// ToValidUtf8 makes it so.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lacuna::unicode {

inline constexpr char32_t kReplacement = 0xFFFD;

// Length in bytes of the character that starts with `lead` in valid UTF-8.
inline size_t CharLength(char lead) {
  const auto c = static_cast<unsigned char>(lead);
  return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

// The character at `pos`, which moves behind it. pos < text.size().
char32_t Next(std::string_view text, size_t& pos);
// The character that ends at `pos`, which moves to its start. pos > 0.
char32_t Previous(std::string_view text, size_t& pos);
void Append(char32_t c, std::string& out);

// Appends any bytes as valid UTF-8: every maximal invalid part becomes one U+FFFD (the Unicode standard's recommended
// practice, and what Rust's from_utf8_lossy does). Without `final`, a sequence that is cut off at the end is left.
// Returns how many bytes were used up.
size_t AppendLossy(std::string_view bytes, bool final, std::string& out);
bool IsValidUtf8(std::string_view bytes);
std::string ToValidUtf8(std::string_view bytes);

bool IsWhiteSpace(char32_t c);   // the property White_Space
bool IsNumber(char32_t c);       // categories Nd, Nl, No
bool IsPunctuation(char32_t c);  // categories P*, and ASCII's punctuation and symbols
bool IsMark(char32_t c);         // categories Mn, Mc, Me

// Character by character and without context, as Rust's char::to_lowercase.
void AppendLower(char32_t c, std::string& out);

enum class Form { kNfc, kNfd, kNfkc, kNfkd };
// Linear in the text but for sorting runs of combining marks (n log n).
std::string Normalize(std::string_view text, Form form);

}  // namespace lacuna::unicode
