// Regular expressions of tokenizer.json: written for Oniguruma, run by PCRE2.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"

struct pcre2_real_code_8;

namespace lacuna {

// A part of a text and whether the pattern matched it.
struct Segment {
  size_t begin, end;
  bool is_match;
};

// A compiled expression. Const use from several threads is safe.
class Regex {
 public:
  // `where` (file and field) begins the error message.
  static Result<Regex> Compile(std::string_view pattern, const std::string& where);

  // Cuts `text` (valid UTF-8) into the matches and what lies between them; empty matches are segments too, but never
  // directly behind another match. Work is bounded: a pattern that backtracks without end is an error.
  Status Find(std::string_view text, std::vector<Segment>& segments) const;

  // Whether the pattern matches somewhere in a short text; limits count as no match.
  bool Matches(std::string_view text) const;

 private:
  std::shared_ptr<const pcre2_real_code_8> code_;
  std::string where_;
};

}  // namespace lacuna
