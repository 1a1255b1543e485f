#include "tokenizer/chat/wrap.h"

#include <algorithm>

#include "tokenizer/chat/strings.h"
#include "tokenizer/unicode.h"

namespace lacuna::jinja {
namespace {

// Parts are ranges of characters, so that cutting one is cheap.
struct Part {
  size_t begin, end;
  size_t size() const { return end - begin; }
};

class Wrapper {
 public:
  Wrapper(std::string_view text, const WrapStyle& style) : style_(style) {
    for (size_t pos = 0; pos < text.size();) {
      offsets_.push_back(pos);
      chars_.push_back(unicode::Next(text, pos));
    }
    offsets_.push_back(text.size());
  }

  std::vector<TextSpan> Lines() {
    SplitParts();
    const auto width = static_cast<size_t>(style_.width);
    std::vector<TextSpan> lines;
    for (size_t next = 0; next < parts_.size();) {
      if (!lines.empty() && IsBlank(parts_[next])) ++next;
      // The parts of a line lie behind each other, so a line is a range too.
      if (next == parts_.size()) break;
      Part line{parts_[next].begin, parts_[next].begin}, last = line;
      for (; next < parts_.size() && line.size() + parts_[next].size() <= width; ++next) {
        last = parts_[next];
        line.end = last.end;
      }
      if (next < parts_.size() && parts_[next].size() > width) {
        Part& longer = parts_[next];
        if (style_.break_long_words) {
          const size_t cut = longer.begin + CutOf(longer, width - line.size());
          last = {longer.begin, cut};
          longer.begin = line.end = cut;
        } else if (line.size() == 0) {
          last = longer;
          line.end = longer.end;
          ++next;
        }
      }
      if (line.size() > 0 && IsBlank(last)) line.end = last.begin;
      if (line.size() > 0) lines.push_back({offsets_[line.begin], offsets_[line.end]});
    }
    return lines;
  }

 private:
  bool IsBreak(size_t i) const {
    const char32_t c = chars_[i];
    return c == ' ' || (c >= 0x09 && c <= 0x0D);
  }
  bool IsBlank(const Part& part) const {
    return std::all_of(chars_.begin() + static_cast<std::ptrdiff_t>(part.begin),
                       chars_.begin() + static_cast<std::ptrdiff_t>(part.end), IsSpace);
  }
  // Places outside of the text are nothing.
  char32_t At(size_t i) const { return i < chars_.size() ? chars_[i] : 0; }
  bool IsWord(size_t i) const { return At(i) == '_' || lacuna::jinja::IsLetter(At(i)) || unicode::IsNumber(At(i)); }
  bool IsLetter(size_t i) const { return IsWord(i) && !IsDecimalDigit(At(i)); }
  bool EndsWord(size_t i) const {
    return IsWord(i) || std::u32string_view(U"!\"'&.,?").find(At(i)) != std::u32string_view::npos;
  }
  // The end of two or more hyphens at i with a word behind them, else i.
  size_t DashEnd(size_t i) const {
    size_t end = i;
    while (At(end) == '-') ++end;
    return end - i >= 2 && IsWord(end) ? end : i;
  }
  // Whether the hyphen at i stands between letters, two of them before it (or one and another hyphen: a-b-c).
  bool IsInsideWord(size_t i) const {
    const bool before =
        i >= 2 && IsLetter(i - 1) && (IsLetter(i - 2) || (i >= 3 && At(i - 2) == '-' && IsLetter(i - 3)));
    return before && IsLetter(i + 1) && (IsLetter(i + 2) || (At(i + 2) == '-' && IsLetter(i + 3)));
  }

  void SplitParts() {
    for (size_t at = 0; at < chars_.size(); at = parts_.back().end) {
      size_t end = at;
      if (IsBreak(at)) {
        while (end < chars_.size() && IsBreak(end)) ++end;
      } else if (style_.break_on_hyphens && at > 0 && EndsWord(at - 1) && DashEnd(at) > at) {
        end = DashEnd(at);
      } else {
        for (++end; end < chars_.size() && !IsBreak(end); ++end) {
          if (!style_.break_on_hyphens || At(end) != '-') continue;
          if (IsInsideWord(end)) {
            ++end;
            break;
          }
          if (EndsWord(end - 1) && DashEnd(end) > end) break;
        }
      }
      parts_.push_back({at, end});
    }
  }

  // How many characters of a long word go where `room` are left: to its last hyphen, if something else is before it.
  size_t CutOf(const Part& word, size_t room) const {
    if (style_.break_on_hyphens) {
      for (size_t i = room; i-- > 1;) {
        if (chars_[word.begin + i] != '-') continue;
        const auto from = chars_.begin() + static_cast<std::ptrdiff_t>(word.begin);
        const bool other =
            std::any_of(from, from + static_cast<std::ptrdiff_t>(i), [](char32_t c) { return c != '-'; });
        return other ? i + 1 : room;
      }
    }
    return room;
  }

  const WrapStyle style_;
  std::vector<char32_t> chars_;
  std::vector<size_t> offsets_;
  std::vector<Part> parts_;
};

}  // namespace

std::vector<TextSpan> WrapLines(std::string_view paragraph, const WrapStyle& style) {
  return Wrapper(paragraph, style).Lines();
}

}  // namespace lacuna::jinja
