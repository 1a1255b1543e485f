#include <utility>

#include "lacuna/tokenizer.h"

namespace lacuna {

DecodeStream::DecodeStream(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special)
    : tokenizer_(std::move(tokenizer)), decoding_(tokenizer_->StartDecoding(skip_special)) {}

std::string DecodeStream::Next(int32_t id) {
  std::string out;
  decoding_->Push(id, out);
  return out;
}

std::string DecodeStream::Finish() {
  std::string out;
  decoding_->Finish(out);
  return out;
}

}  // namespace lacuna
