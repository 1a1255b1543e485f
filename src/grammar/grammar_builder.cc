#include "grammar/grammar_builder.h"

#include <algorithm>

namespace lacuna {

int32_t GrammarBuilder::Anonymous() {
  names_.emplace_back();
  rules_.emplace_back();
  loop_.push_back(false);
  return rules() - 1;
}

int32_t GrammarBuilder::Rule(const std::string& name) {
  const auto [at, added] = by_name_.try_emplace(name, rules());
  if (added) names_[static_cast<size_t>(Anonymous())] = name;
  return at->second;
}

void GrammarBuilder::Define(int32_t rule, std::vector<Sequence> alternatives) {
  for (const Sequence& s : alternatives) symbols_ += s.size() + 1;
  rules_[static_cast<size_t>(rule)] = std::move(alternatives);
}

int32_t GrammarBuilder::Set(const ByteSet& set) {
  const auto [at, added] = set_ids_.try_emplace(set, static_cast<int32_t>(sets_.size()));
  if (added) sets_.push_back(set);
  return ~at->second;
}

int32_t GrammarBuilder::Class(const std::vector<CodePointRange>& ranges) {
  if (const auto at = classes_.find(ranges); at != classes_.end()) return at->second;
  std::vector<Sequence> alternatives;
  ByteSet ascii;
  for (const ByteSequence& bytes : Utf8Sequences(ranges)) {
    if (bytes.size() == 1) {
      ascii.Add(bytes[0].first, bytes[0].last);
      continue;
    }
    Sequence symbols;
    for (const ByteRange& range : bytes) {
      ByteSet set;
      set.Add(range.first, range.last);
      symbols.push_back(Set(set));
    }
    alternatives.push_back(std::move(symbols));
  }
  if (ascii != ByteSet()) alternatives.insert(alternatives.begin(), {Set(ascii)});
  int32_t symbol = alternatives[0][0];
  if (alternatives.size() > 1 || alternatives[0].size() > 1) {
    symbol = Anonymous();
    Define(symbol, std::move(alternatives));
  }
  classes_[ranges] = symbol;
  return symbol;
}

void GrammarBuilder::Literal(std::string_view utf8, Sequence& out) {
  for (const char c : utf8) {
    ByteSet set;
    set.Add(static_cast<uint8_t>(c), static_cast<uint8_t>(c));
    out.push_back(Set(set));
  }
}

void GrammarBuilder::Repeat(const Sequence& item, int min, int max, Sequence& out) {
  if (item.empty() || max == 0) return;
  int32_t body = item[0];
  if (item.size() > 1) {
    body = Anonymous();
    Define(body, {item});
  }
  out.insert(out.end(), static_cast<size_t>(min), body);
  symbols_ += static_cast<size_t>(min);
  if (max == kUnlimited) {
    const int32_t loop = Anonymous();
    loop_[static_cast<size_t>(loop)] = true;
    Define(loop, {{body, loop}, {}});
    out.push_back(loop);
    return;
  }
  int32_t rest = -1;
  for (int i = min; i < max && !too_large(); ++i) {
    const int32_t next = Anonymous();
    Define(next, {rest < 0 ? Sequence{body} : Sequence{body, rest}, {}});
    rest = next;
  }
  if (rest >= 0) out.push_back(rest);
}

std::vector<bool> GrammarBuilder::Nullable() const {
  std::vector<bool> nullable(rules_.size());
  struct Alternative {
    int32_t rule;
    size_t left;  // symbols that are not known to be nullable
  };
  std::vector<Alternative> alternatives;
  std::vector<std::vector<size_t>> users(rules_.size());  // alternatives in which a rule stands, as often as it does
  std::vector<int32_t> work;
  const auto found = [&](int32_t rule) {
    if (nullable[static_cast<size_t>(rule)]) return;
    nullable[static_cast<size_t>(rule)] = true;
    work.push_back(rule);
  };
  for (int32_t rule = 0; rule < rules(); ++rule) {
    for (const Sequence& s : rules_[static_cast<size_t>(rule)]) {
      if (s.empty()) found(rule);
      if (std::any_of(s.begin(), s.end(), [](int32_t x) { return x < 0; })) continue;
      for (const int32_t x : s) users[static_cast<size_t>(x)].push_back(alternatives.size());
      alternatives.push_back({rule, s.size()});
    }
  }
  while (!work.empty()) {
    const int32_t rule = work.back();
    work.pop_back();
    for (const size_t a : users[static_cast<size_t>(rule)]) {
      if (--alternatives[a].left == 0) found(alternatives[a].rule);
    }
  }
  return nullable;
}

std::vector<int32_t> GrammarBuilder::LeftRecursion() const {
  const std::vector<bool> nullable = Nullable();
  // Rules that `rule` may begin with. A loop that comes round to itself at once after nothing does no harm: the machine
  // has been there.
  const auto firsts = [&](int32_t rule) {
    std::vector<int32_t> to;
    for (const Sequence& s : rules_[static_cast<size_t>(rule)]) {
      for (const int32_t x : s) {
        if (x < 0) break;
        if (!(x == rule && loop_[static_cast<size_t>(rule)])) to.push_back(x);
        if (!nullable[static_cast<size_t>(x)]) break;
      }
    }
    return to;
  };
  struct Visit {
    int32_t rule;
    std::vector<int32_t> to;
    size_t next = 0;
  };
  enum : char { kNew, kOpen, kDone };
  std::vector<char> mark(rules_.size(), kNew);
  for (int32_t start = 0; start < rules(); ++start) {
    if (mark[static_cast<size_t>(start)] != kNew) continue;
    std::vector<Visit> path;
    path.push_back({start, firsts(start)});
    mark[static_cast<size_t>(start)] = kOpen;
    while (!path.empty()) {
      Visit& visit = path.back();
      if (visit.next == visit.to.size()) {
        mark[static_cast<size_t>(visit.rule)] = kDone;
        path.pop_back();
        continue;
      }
      const int32_t to = visit.to[visit.next++];
      if (mark[static_cast<size_t>(to)] == kDone) continue;
      if (mark[static_cast<size_t>(to)] == kNew) {
        mark[static_cast<size_t>(to)] = kOpen;
        path.push_back({to, firsts(to)});
        continue;
      }
      std::vector<int32_t> cycle;
      size_t at = path.size();
      while (path[--at].rule != to) {
      }
      for (; at < path.size(); ++at) cycle.push_back(path[at].rule);
      cycle.push_back(to);
      return cycle;
    }
  }
  return {};
}

ByteGrammar GrammarBuilder::Build(int32_t root) const {
  ByteGrammar g;
  g.sets = sets_;
  g.root = root;
  g.rules.reserve(rules_.size());
  for (const auto& alternatives : rules_) {
    std::vector<int32_t>& starts = g.rules.emplace_back();
    for (const Sequence& s : alternatives) {
      starts.push_back(static_cast<int32_t>(g.symbols.size()));
      g.symbols.insert(g.symbols.end(), s.begin(), s.end());
      g.symbols.push_back(ByteGrammar::kEnd);
    }
  }
  return g;
}

}  // namespace lacuna
