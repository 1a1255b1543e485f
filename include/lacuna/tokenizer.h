// Text to token ids and back, as the model directory's tokenizer.json says (Hugging Face format: BPE, byte-level or
// with byte fallback). tokenizer.json alone decides the ids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lacuna/status.h"

namespace lacuna {

// Bytes begin..end of a text.
struct TextSpan {
  std::size_t begin = 0, end = 0;
};

// Const and safe to use from several threads at once.
class Tokenizer {
 public:
  // Loads `file` (a tokenizer.json). An unknown normalizer, pre-tokenizer, model, post-processor or decoder is an error
  // that names it.
  static Result<std::shared_ptr<const Tokenizer>> Load(const std::string& file);
  // The same from memory; `name` stands in error messages.
  static Result<std::shared_ptr<const Tokenizer>> Parse(std::string_view json, const std::string& name);

  virtual ~Tokenizer() = default;

  // Ids of `text` (UTF-8; invalid bytes count as U+FFFD). Special tokens written in the text are recognised;
  // `add_special` adds what the post-processor puts around a single sequence (BOS for Llama). Fails only when a text
  // cannot be tokenized within the regular expression engine's limits.
  Result<std::vector<int32_t>> Encode(std::string_view text, bool add_special = true) const {
    return EncodeMarked(text, {}, add_special);
  }
  // The same, but a special token, or markup, that touches one of the `plain` spans (ascending, apart) is not
  // recognised: its characters are text. Ids are otherwise those of Encode. For text that others wrote: see chat.h.
  virtual Result<std::vector<int32_t>> EncodeMarked(std::string_view text, std::span<const TextSpan> plain,
                                                    bool add_special) const = 0;

  // Text of `ids`, exactly as Hugging Face's decoder joins them. Ids outside the vocabulary are an error.
  virtual Result<std::string> Decode(std::span<const int32_t> ids, bool skip_special = true) const = 0;

  // The stored spelling of one token (byte-level pieces in their printable alphabet), "" outside the vocabulary.
  virtual std::string_view Piece(int32_t id) const = 0;
  virtual std::optional<int32_t> IdOf(std::string_view piece) const = 0;
  virtual bool IsSpecial(int32_t id) const = 0;
  // Appends the bytes that the token adds in the middle of a text: the stored spelling with byte-level characters,
  // <0x0A> and space marks turned back. They need not be whole characters. Nothing outside the vocabulary.
  virtual void AppendBytes(int32_t id, std::string& out) const = 0;

  // One more than the highest id.
  virtual int32_t vocab_size() const = 0;
  // For `inspect`: "BPE (byte-level)", "BPE (byte fallback)" or "BPE".
  virtual std::string_view kind() const = 0;

  // A decoding in progress; DecodeStream holds one. The tokenizer must outlive it.
  class Decoding {
   public:
    virtual ~Decoding() = default;
    // Appends to `out` the text that `id` completes. An id outside the vocabulary adds nothing.
    virtual void Push(int32_t id, std::string& out) = 0;
    // Appends what is left; the next Push() begins a new text.
    virtual void Finish(std::string& out) = 0;
  };
  virtual std::unique_ptr<Decoding> StartDecoding(bool skip_special) const = 0;
};

// Decodes ids one at a time and never hands out half a character: bytes wait until they form whole UTF-8 (with byte
// fallback, until the run of byte tokens ends, because one bad byte changes the whole run).
// All pieces and Finish() together equal Tokenizer::Decode of all ids. For one thread.
class DecodeStream {
 public:
  explicit DecodeStream(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special = true);
  // The text that `id` completes, possibly "".
  std::string Next(int32_t id);
  // What is left (an incomplete character comes out as U+FFFD). The stream is then ready for another text.
  std::string Finish();

 private:
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Tokenizer::Decoding> decoding_;
};

}  // namespace lacuna
