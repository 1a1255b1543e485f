// Builds a ByteGrammar: rules that are named before they are defined, repetition, and character classes as UTF-8.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/byte_grammar.h"
#include "grammar/code_points.h"
#include "lacuna/status.h"

namespace lacuna {

class GrammarBuilder {
 public:
  using Sequence = std::vector<int32_t>;  // symbols

  static constexpr int kUnlimited = -1;
  static constexpr int kMaxRepetition = 10'000;
  static constexpr size_t kMaxSymbols = size_t{1} << 20;

  // A rule of this name, or without one.
  int32_t Rule(const std::string& name);
  int32_t Anonymous();
  void Define(int32_t rule, std::vector<Sequence> alternatives);
  bool defined(int32_t rule) const { return !rules_[static_cast<size_t>(rule)].empty(); }
  const std::string& name(int32_t rule) const { return names_[static_cast<size_t>(rule)]; }
  int32_t rules() const { return static_cast<int32_t>(rules_.size()); }

  // The symbol of a class of code points (normalized, not empty).
  int32_t Class(const std::vector<CodePointRange>& ranges);
  // Symbols of a literal text.
  void Literal(std::string_view utf8, Sequence& out);
  // `item` from `min` to `max` (or kUnlimited) times, appended to `out`.
  void Repeat(const Sequence& item, int min, int max, Sequence& out);

  bool too_large() const { return symbols_ > kMaxSymbols; }

  // A rule that may begin with itself, as a path of rules from it back to it; empty if there is none.
  std::vector<int32_t> LeftRecursion() const;
  ByteGrammar Build(int32_t root) const;

 private:
  int32_t Set(const ByteSet& set);
  std::vector<bool> Nullable() const;

  std::map<std::string, int32_t, std::less<>> by_name_;
  std::vector<std::string> names_;
  std::vector<std::vector<Sequence>> rules_;
  std::vector<bool> loop_;  // made by Repeat: s ::= item s | nothing
  std::map<ByteSet, int32_t> set_ids_;
  std::vector<ByteSet> sets_;
  std::map<std::vector<CodePointRange>, int32_t> classes_;
  size_t symbols_ = 0;
};

}  // namespace lacuna
