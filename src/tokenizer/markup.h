// Which added tokens shape a conversation although tokenizer.json does not mark them `special`: <think>, <tool_call>,
// </tool_response>, .. . Files mark only what decoding leaves out; other added tokens are ordinary text that was given
// an id, such as runs of blanks and HTML's tags.
#pragma once

#include <string_view>

namespace lacuna {

// "<name>", "</name>", "<|name|>", without white space, and no tag of HTML.
bool IsMarkup(std::string_view content);

}  // namespace lacuna
