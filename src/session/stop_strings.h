// Text on its way out, held back where it may yet become a stop string.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lacuna {

class StopStrings {
 public:
  // Empty strings are left out.
  explicit StopStrings(const std::vector<std::string>& stops);

  // Takes the next piece of text and returns what is certain to stand before any stop string. Once a stop string is
  // complete, stopped() is true and the text from its first byte on is dropped. Of several that one piece completes,
  // the one that begins first counts.
  std::string Push(std::string_view piece);
  // The text is over: what was held back.
  std::string Finish();
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace lacuna
