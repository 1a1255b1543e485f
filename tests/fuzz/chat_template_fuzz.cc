// A chat template and a conversation from hostile bytes: parsing and rendering must end, within the limits, in text or
// in an error. The input is the template, then a byte 0, then the conversation's JSON (absent: a fixed one).
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lacuna/chat.h"
#include "tokenizer/unicode.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const auto parsed = lacuna::ChatTemplate::Parse(input.substr(0, zero), "fuzz", {{"bos_token", "<s>"}});
  if (!parsed.ok()) {
    if (parsed.status().message().empty()) __builtin_trap();
    return 0;
  }
  static constexpr std::string_view kConversation =
      R"({"messages": [{"role": "system", "content": "a"}, {"role": "user", "content": "<s> \u00fc\nx"}], "tools": [{"f": 1.0}]})";
  const std::string_view json = zero == input.npos ? kConversation : input.substr(zero + 1);
  lacuna::ChatOptions options;
  options.max_steps = 300'000;  // so that a run is not spent on one loop
  options.max_bytes = 1 << 20;
  const auto chat = (*parsed)->Render(json, options);
  if (!chat.ok()) {
    if (chat.status().message().empty()) __builtin_trap();
    return 0;
  }
  if (!lacuna::unicode::IsValidUtf8(chat->text)) __builtin_trap();
  size_t at = 0;
  for (const lacuna::TextSpan& span : chat->from_input) {
    if (span.begin < at || span.begin >= span.end || span.end > chat->text.size()) __builtin_trap();
    at = span.end;
  }
  return 0;
}
