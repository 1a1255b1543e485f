#include "tokenizer/chat/text.h"

#include <algorithm>

namespace lacuna::jinja {

void Text::Append(std::string_view bytes, bool input) {
  if (bytes.empty()) return;
  if (input && !input_.empty() && input_.back().end == bytes_.size()) {
    input_.back().end += bytes.size();
  } else if (input) {
    input_.push_back({bytes_.size(), bytes_.size() + bytes.size()});
  }
  bytes_.append(bytes);
}

void Text::Append(const Text& other, size_t begin, size_t end) {
  if (&other == this) return Append(Text(other), begin, end);
  size_t at = begin;
  for (size_t i = other.FirstSpanBehind(begin); i < other.input_.size() && at < end; ++i) {
    const size_t from = std::clamp(other.input_[i].begin, at, end), to = std::min(other.input_[i].end, end);
    Append(other.view().substr(at, from - at), false);
    Append(other.view().substr(from, to - from), true);
    at = std::max(at, to);
  }
  Append(other.view().substr(at, end - at), false);
}

Text Text::Part(size_t begin, size_t end) const {
  Text part;
  part.Append(*this, begin, end);
  return part;
}

size_t Text::FirstSpanBehind(size_t pos) const {
  const auto it = std::upper_bound(input_.begin(), input_.end(), pos,
                                   [](size_t at, const TextSpan& span) { return at < span.end; });
  return static_cast<size_t>(it - input_.begin());
}

bool Text::InputAt(size_t pos) const {
  const size_t i = FirstSpanBehind(pos);
  return i < input_.size() && input_[i].begin <= pos;
}

}  // namespace lacuna::jinja
