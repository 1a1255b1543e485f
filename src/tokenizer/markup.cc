#include "tokenizer/markup.h"

#include <algorithm>
#include <iterator>

namespace lacuna {
namespace {

// Of HTML, what vocabularies have as tokens. Not <s>: there it begins a text, and </s> ends one.
constexpr std::string_view kHtml[] = {
    "a",   "b",   "blockquote", "body",  "br",   "caption", "code", "div",   "em", "h1", "h2",  "h3",   "h4",
    "h5",  "h6",  "head",       "hr",    "html", "i",       "img",  "li",    "ol", "p",  "pre", "span", "strong",
    "sub", "sup", "table",      "tbody", "td",   "tfoot",   "th",   "thead", "tr", "u",  "ul"};

}  // namespace

bool IsMarkup(std::string_view content) {
  if (content.size() < 3 || content.front() != '<' || content.back() != '>') return false;
  std::string_view name = content.substr(1, content.size() - 2);
  if (name.front() == '/') name.remove_prefix(1);
  if (name.empty() || name.find_first_of(" \t\r\n<>") != name.npos) return false;
  return std::find(std::begin(kHtml), std::end(kHtml), name) == std::end(kHtml);
}

}  // namespace lacuna
