// The stages themselves; see decoder.h for the rules they follow.
#pragma once

#include <memory>
#include <string>

#include "tokenizer/decoder.h"
#include "tokenizer/pattern.h"

namespace lacuna {

// No decoder: tokens with a space between.
std::unique_ptr<const DecodeStep> JoinWithSpacesStep();
// Characters of GPT-2's alphabet become bytes (a token with any other character stays as it is), and all bytes one
// text in which invalid UTF-8 is U+FFFD.
std::unique_ptr<const DecodeStep> ByteLevelStep();
// Tokens <0x00>..<0xFF> become bytes. A run of them that is not valid UTF-8 as a whole gives one U+FFFD a byte, so a
// run is held until it ends.
std::unique_ptr<const DecodeStep> ByteFallbackStep();
// One token of all.
std::unique_ptr<const DecodeStep> FuseStep();
// Within each token.
std::unique_ptr<const DecodeStep> ReplaceStep(Pattern pattern, std::string content);
// Up to `start` times `content` from the front of each token, up to `stop` times from its back.
std::unique_ptr<const DecodeStep> StripStep(char32_t content, size_t start, size_t stop);
// `replacement` becomes a space, or nothing in the first token when `drop_first`.
std::unique_ptr<const DecodeStep> MetaspaceStep(char32_t replacement, bool drop_first);
// `suffix` becomes a space, or nothing in the last token.
std::unique_ptr<const DecodeStep> WordEndStep(std::string suffix);

}  // namespace lacuna
