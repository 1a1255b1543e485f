#include "compress/windows.h"

#include <algorithm>
#include <string>

namespace lacuna {
namespace {

constexpr int64_t kDefaultWindow = 1024;

std::vector<Window> Strided(int64_t tokens, int64_t window, int64_t stride) {
  std::vector<Window> windows;
  int64_t predicted = 1;  // nothing stands before the first token
  for (int64_t begin = 0; predicted < tokens; begin += stride) {
    const int64_t end = std::min(begin + window, tokens);
    // Where the stride is a whole window, a window's own first token goes unpredicted.
    const int64_t first = std::max(predicted, begin + 1);
    if (first < end) windows.push_back({begin, first, end});
    predicted = end;
  }
  return windows;
}

std::vector<Window> SideBySide(int64_t tokens, int64_t window) {
  std::vector<Window> windows;
  for (int64_t begin = 0; begin + window <= tokens; begin += window) {
    windows.push_back({begin, begin + window / 2 + 1, begin + window});
  }
  return windows;
}

}  // namespace

Result<PerplexityOptions> ResolveWindows(const PerplexityOptions& options, int64_t context) {
  PerplexityOptions o = options;
  if (o.window == 0) o.window = std::min(context, kDefaultWindow);
  // llama.cpp's rule predicts window - 1 - window / 2 tokens: none below 3.
  const int64_t least = o.rule == CountingRule::kLlamaCpp ? 3 : 2;
  if (o.window < least || o.window > context) {
    return InvalidInput("a window of " + std::to_string(o.window) + " tokens: expected " + std::to_string(least) +
                        " to the model's context of " + std::to_string(context));
  }
  if (o.rule == CountingRule::kLlamaCpp) {
    if (o.stride != 0 && o.stride != o.window) {
      return InvalidInput("a stride of " + std::to_string(o.stride) +
                          ": llama.cpp's windows stand side by side, only Hugging Face's have a stride");
    }
    o.stride = o.window;
  }
  if (o.stride == 0) o.stride = std::max<int64_t>(1, o.window / 2);
  if (o.stride < 1 || o.stride > o.window) {
    return InvalidInput("a stride of " + std::to_string(o.stride) + " tokens: expected 1 to the window of " +
                        std::to_string(o.window));
  }
  return o;
}

Result<std::vector<Window>> MakeWindows(int64_t tokens, const PerplexityOptions& options) {
  std::vector<Window> windows = options.rule == CountingRule::kLlamaCpp
                                    ? SideBySide(tokens, options.window)
                                    : Strided(tokens, options.window, options.stride);
  if (windows.empty()) {
    const int64_t need = options.rule == CountingRule::kLlamaCpp ? options.window : 2;
    return InvalidInput("the text has " + std::to_string(tokens) + " tokens, too few for a perplexity: it takes " +
                        std::to_string(need) + " or more");
  }
  if (options.limit > 0 && static_cast<int64_t>(windows.size()) > options.limit) {
    windows.resize(static_cast<std::size_t>(options.limit));
  }
  return windows;
}

}  // namespace lacuna
