#include "tokenizer/bpe_tokenizer.h"

#include <algorithm>
#include <utility>

#include "base/status_macros.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

// Words that were encoded before in the same call: text repeats itself. Entries point into the text and into the ids
// written so far, so remembering a word copies nothing. Direct-mapped; a newer word replaces an older one.
class WordMemory {
 public:
  explicit WordMemory(size_t pieces) {
    size_t slots = 1;
    while (slots < pieces && slots < kMaxSlots) slots *= 2;
    slots_.resize(slots);
  }
  struct Slot {
    std::string_view word;
    size_t begin = 0, count = 0;
  };
  static bool Wants(std::string_view word) { return word.size() <= kMaxWord; }
  Slot& At(std::string_view word) { return slots_[std::hash<std::string_view>()(word) & (slots_.size() - 1)]; }

 private:
  static constexpr size_t kMaxSlots = 8192, kMaxWord = 64;
  std::vector<Slot> slots_;
};

class BpeDecoding : public Tokenizer::Decoding {
 public:
  BpeDecoding(const TokenizerParts& parts, bool skip_special)
      : parts_(parts), chain_(parts.decoder), skip_special_(skip_special) {}
  void Push(int32_t id, std::string& out) override {
    if (const std::string_view added = parts_.added.DecodeContent(id); !added.empty()) {
      if (!skip_special_ || !parts_.added.IsSkipped(id)) chain_.Push(added, out);
    } else if (parts_.bpe.vocab().Has(id)) {
      chain_.Push(parts_.bpe.vocab().Piece(id), out);
    }
  }
  void Finish(std::string& out) override { chain_.Finish(out); }

 private:
  const TokenizerParts& parts_;
  DecodeChain chain_;
  bool skip_special_;
};

}  // namespace

Result<std::vector<int32_t>> BpeTokenizer::EncodeMarked(std::string_view text, std::span<const TextSpan> plain,
                                                        bool add_special) const {
  std::string valid;
  std::vector<TextSpan> moved;
  if (!unicode::IsValidUtf8(text)) {
    // Spans move with the bytes that become U+FFFD. A character that a span's border cuts in two counts as invalid.
    size_t done = 0;
    for (const TextSpan& span : plain) {
      valid += unicode::ToValidUtf8(text.substr(done, span.begin - done));
      const size_t begin = valid.size();
      valid += unicode::ToValidUtf8(text.substr(span.begin, span.end - span.begin));
      moved.push_back({begin, valid.size()});
      done = span.end;
    }
    valid += unicode::ToValidUtf8(text.substr(done));
    text = valid;
    plain = moved;
  }
  PieceList list;
  LACUNA_RETURN_IF_ERROR(parts_.added.Split(text, plain, parts_.normalizers, list));
  for (const auto& step : parts_.pre_tokenizers) LACUNA_RETURN_IF_ERROR(step->Apply(list));

  std::vector<int32_t> ids;
  ids.reserve(list.pieces.size() + list.pieces.size() / 2);
  Bpe::Scratch scratch;
  WordMemory memory(list.pieces.size());
  for (const lacuna::Piece& piece : list.pieces) {
    if (piece.token >= 0) {
      ids.push_back(piece.token);
      continue;
    }
    const std::string_view word = std::string_view(list.text).substr(piece.begin, piece.end - piece.begin);
    if (!WordMemory::Wants(word)) {
      LACUNA_RETURN_IF_ERROR(parts_.bpe.Encode(word, scratch, ids));
      continue;
    }
    WordMemory::Slot& slot = memory.At(word);
    if (slot.word == word) {
      for (size_t i = 0; i < slot.count; ++i) ids.push_back(ids[slot.begin + i]);
    } else {
      const size_t begin = ids.size();
      LACUNA_RETURN_IF_ERROR(parts_.bpe.Encode(word, scratch, ids));
      slot = {word, begin, ids.size() - begin};
    }
  }
  return ApplyTemplates(parts_.templates, add_special, std::move(ids));
}

Result<std::string> BpeTokenizer::Decode(std::span<const int32_t> ids, bool skip_special) const {
  BpeDecoding decoding(parts_, skip_special);
  std::string out;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (!Has(ids[i])) {
      return InvalidInput("id " + std::to_string(ids[i]) + " at position " + std::to_string(i) +
                          " is not in the vocabulary, whose ids end at " + std::to_string(vocab_size() - 1));
    }
    decoding.Push(ids[i], out);
  }
  decoding.Finish(out);
  return out;
}

std::string_view BpeTokenizer::Piece(int32_t id) const {
  const std::string_view added = parts_.added.Content(id);
  return added.empty() ? parts_.bpe.vocab().Piece(id) : added;
}

std::optional<int32_t> BpeTokenizer::IdOf(std::string_view piece) const {
  if (const auto id = parts_.added.IdOf(piece)) return id;
  const int32_t id = parts_.bpe.vocab().Find(piece);
  return id < 0 ? std::nullopt : std::optional<int32_t>(id);
}

void BpeTokenizer::AppendBytes(int32_t id, std::string& out) const {
  const std::string_view added = parts_.added.DecodeContent(id);
  const std::string_view piece = added.empty() ? parts_.bpe.vocab().Piece(id) : added;
  if (piece.empty()) return;
  if (parts_.byte_level) {
    const size_t before = out.size();
    for (size_t pos = 0; pos < piece.size();) {
      const int byte = ByteOfChar(unicode::Next(piece, pos));
      if (byte < 0) {  // a token with any other character stands for itself
        out.resize(before);
        out += piece;
        return;
      }
      out += static_cast<char>(byte);
    }
    return;
  }
  if (const int byte = ByteOfFallback(piece); parts_.bpe.byte_fallback() && byte >= 0) {
    out += static_cast<char>(byte);
    return;
  }
  // Decoders treat the first and the last token of a text differently, so that it stands between two others.
  const auto decode = [&](std::initializer_list<std::string_view> tokens) {
    DecodeChain chain(parts_.decoder);
    std::string text;
    for (const std::string_view token : tokens) chain.Push(token, text);
    chain.Finish(text);
    return text;
  };
  const std::string without = decode({"a", "a"}), with = decode({"a", piece, "a"});
  const size_t tail = without.size() - 1;  // what stands between two tokens, and the second "a"
  if (!without.empty() && with.size() > tail) out.append(with, 1, with.size() - 1 - tail);
}

std::string_view BpeTokenizer::kind() const {
  return parts_.byte_level ? "BPE (byte-level)" : parts_.bpe.byte_fallback() ? "BPE (byte fallback)" : "BPE";
}

std::unique_ptr<Tokenizer::Decoding> BpeTokenizer::StartDecoding(bool skip_special) const {
  return std::make_unique<BpeDecoding>(parts_, skip_special);
}

}  // namespace lacuna
