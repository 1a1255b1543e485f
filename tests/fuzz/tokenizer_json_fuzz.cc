// tokenizer.json from hostile bytes: parsing must end in a tokenizer or an error, and a tokenizer must survive use.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "lacuna/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  const auto tokenizer = lacuna::Tokenizer::Parse(json, "fuzz");
  if (!tokenizer.ok()) {
    if (tokenizer.status().message().empty()) __builtin_trap();
    return 0;
  }
  // The input itself is text too; a bounded part, so that a run is not spent on one slow pattern.
  for (const std::string_view text :
       {std::string_view("Hello <s> w\xC3\xB6rld  \xF0\x9F\x98\x80 123's\r\n\t<|user|> \xE2\x96\x81 e\xCC\x81 ab  "),
        std::string_view("\xFF\xE2\x82"), json.substr(0, 200)}) {
    const auto ids = (*tokenizer)->Encode(text);
    if (!ids.ok()) continue;
    for (const bool skip : {true, false}) {
      const auto whole = (*tokenizer)->Decode(*ids, skip);
      if (!whole.ok()) __builtin_trap();
      lacuna::DecodeStream stream(*tokenizer, skip);
      std::string streamed;
      for (const int32_t id : *ids) streamed += stream.Next(id);
      if (streamed + stream.Finish() != *whole) __builtin_trap();
    }
  }
  return 0;
}
