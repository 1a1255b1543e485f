// Finding patterns and the five split behaviours of Hugging Face's SplitDelimiterBehavior.
#include "tokenizer/pattern.h"

#include <algorithm>

#include "base/status_macros.h"
#include "tokenizer/unicode.h"

namespace lacuna {

Status Pattern::Find(std::string_view text, std::vector<Segment>& segments) const {
  if (const auto* regex = std::get_if<Regex>(&what_)) return regex->Find(text, segments);
  segments.clear();
  size_t done = 0;
  const auto match = [&](size_t begin, size_t end) {
    if (done != begin) segments.push_back({done, begin, false});
    segments.push_back({begin, end, true});
    done = end;
  };
  if (const auto* literal = std::get_if<std::string>(&what_)) {
    for (size_t at; !literal->empty() && (at = text.find(*literal, done)) != std::string_view::npos;) {
      match(at, at + literal->size());
    }
  } else {
    const auto in_class = std::get<bool (*)(char32_t)>(what_);
    for (size_t pos = 0; pos < text.size();) {
      const size_t begin = pos;
      if (in_class(unicode::Next(text, pos))) match(begin, pos);
    }
  }
  if (done != text.size()) segments.push_back({done, text.size(), false});
  return {};
}

Status Pattern::Replace(std::string_view text, std::string_view content, std::string& out) const {
  std::vector<Segment> segments;
  LACUNA_RETURN_IF_ERROR(Find(text, segments));
  out.reserve(out.size() + text.size());
  for (const Segment& s : segments) out.append(s.is_match ? content : text.substr(s.begin, s.end - s.begin));
  return {};
}

void ApplyBehavior(const std::vector<Segment>& segments, SplitBehavior behavior, std::vector<Range>& parts) {
  parts.clear();
  bool previous = false;  // whether the neighbour seen before is a match
  switch (behavior) {
    case SplitBehavior::kRemoved:
      for (const Segment& s : segments) {
        if (!s.is_match) parts.push_back({s.begin, s.end});
      }
      break;
    case SplitBehavior::kIsolated:
      for (const Segment& s : segments) parts.push_back({s.begin, s.end});
      break;
    case SplitBehavior::kContiguous:
      for (const Segment& s : segments) {
        if (s.is_match == previous && !parts.empty()) {
          parts.back().end = s.end;
        } else {
          parts.push_back({s.begin, s.end});
        }
        previous = s.is_match;
      }
      break;
    case SplitBehavior::kMergedWithPrevious:
      for (const Segment& s : segments) {
        if (s.is_match && !previous && !parts.empty()) {
          parts.back().end = s.end;
        } else {
          parts.push_back({s.begin, s.end});
        }
        previous = s.is_match;
      }
      break;
    case SplitBehavior::kMergedWithNext:  // the same from the back
      for (auto s = segments.rbegin(); s != segments.rend(); ++s) {
        if (s->is_match && !previous && !parts.empty()) {
          parts.back().begin = s->begin;
        } else {
          parts.push_back({s->begin, s->end});
        }
        previous = s->is_match;
      }
      std::reverse(parts.begin(), parts.end());
      break;
  }
}

}  // namespace lacuna
