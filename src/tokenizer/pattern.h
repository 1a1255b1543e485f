// What a tokenizer.json calls a pattern, and cutting a text at it.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lacuna/status.h"
#include "tokenizer/regex.h"

namespace lacuna {

// A literal, a regular expression or a class of characters.
class Pattern {
 public:
  explicit Pattern(std::string literal) : what_(std::move(literal)) {}
  explicit Pattern(Regex regex) : what_(std::move(regex)) {}
  explicit Pattern(bool (*in_class)(char32_t)) : what_(in_class) {}

  // Cuts `text` as Regex::Find does. A class matches one character at a time.
  Status Find(std::string_view text, std::vector<Segment>& segments) const;
  // Every match replaced by `content`, taken literally.
  Status Replace(std::string_view text, std::string_view content, std::string& out) const;
  // The literal, "" for the others.
  std::string_view literal() const {
    const auto* s = std::get_if<std::string>(&what_);
    return s ? std::string_view(*s) : std::string_view();
  }

 private:
  std::variant<std::string, Regex, bool (*)(char32_t)> what_;
};

// What happens to the matches (the delimiters) when a text is split.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// The parts that remain of `segments`, as half-open ranges in `parts`; some may be empty.
struct Range {
  size_t begin, end;
};
void ApplyBehavior(const std::vector<Segment>& segments, SplitBehavior behavior, std::vector<Range>& parts);

}  // namespace lacuna
