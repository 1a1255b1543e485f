// Python's string operations on marked text, for methods and filters alike.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/chat/text.h"
#include "tokenizer/chat/value.h"

namespace lacuna::jinja {

// strip, lstrip, rstrip; `chars` null: white space.
Text Strip(const Text& text, const Text* chars, bool left, bool right);
// split(sep, count) and rsplit; `separator` null: runs of white space. count -1: all.
std::vector<Value> Split(const Text& text, const Text* separator, int64_t count, bool from_right);
std::vector<Value> SplitLines(const Text& text, bool keep_ends);
// Every `from` (every place between characters when it is empty) becomes `to`, at most `count` of them (-1: all). Stops
// when the result passes `max_bytes`, and is then longer.
Text Replace(const Text& text, const Text& from, const Text& to, int64_t count, int64_t max_bytes);

enum class Case { kUpper, kLower, kCapitalize, kTitle, kSwap, kFold };
Text ChangeCase(const Text& text, Case how);

bool IsUpperCase(char32_t c);
bool IsLowerCase(char32_t c);
bool IsLetter(char32_t c);
bool IsDecimalDigit(char32_t c);

// The byte where `part` begins in text[from..], or npos. Linear.
size_t Find(std::string_view text, std::string_view part, size_t from = 0);
size_t FindLast(std::string_view text, std::string_view part);

// & < > ' " as HTML writes them; text that is marked as escaped stays as it is. The result is marked so.
Text Escape(const Text& text);

// Filled on both sides (or one) to `width` characters.
enum class Align { kLeft, kRight, kCenter };
Text Pad(const Text& text, int64_t width, Align align, const Text& fill = Text(" ", false));

}  // namespace lacuna::jinja
