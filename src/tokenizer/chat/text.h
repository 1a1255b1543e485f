// Text that remembers which of its bytes came from the conversation ("input") and which from the template, so that a
// special token is recognised only where the template wrote it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lacuna/tokenizer.h"

namespace lacuna::jinja {

class Text {
 public:
  Text() = default;
  Text(std::string_view bytes, bool input) { Append(bytes, input); }

  void Append(std::string_view bytes, bool input);
  void Append(const Text& other) { Append(other, 0, other.size()); }
  // Bytes begin..end of `other`, with their marks. `other` may be this.
  void Append(const Text& other, size_t begin, size_t end);
  Text Part(size_t begin, size_t end) const;

  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  bool InputAt(size_t pos) const;
  // Ascending, apart from each other.
  const std::vector<TextSpan>& input() const { return input_; }

  // What the filters escape and safe mark: text that escape leaves as it is. Parts and sums are not marked by
  // themselves.
  bool markup() const { return markup_; }
  Text& set_markup(bool markup) { return markup_ = markup, *this; }

 private:
  size_t FirstSpanBehind(size_t pos) const;  // the first whose end is behind pos

  std::string bytes_;
  std::vector<TextSpan> input_;
  bool markup_ = false;
};

}  // namespace lacuna::jinja
