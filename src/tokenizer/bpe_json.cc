// Reading the "model" object of tokenizer.json: 128 k entries of vocabulary and 280 k merges in one pass over the text.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "base/status_macros.h"
#include "tokenizer/bpe.h"
#include "tokenizer/unicode.h"

namespace lacuna {

namespace {
constexpr size_t kMaxScoredPiece = 4096;  // finding its merges takes the square of it
}  // namespace

struct Bpe::Parser {
  JsonReader& reader;
  const std::string& name;
  Bpe bpe = {};
  bool have_vocab = false, have_merges = false, scored = false, have_scores = false;
  std::vector<std::optional<double>> scores = {};  // by id
  size_t late_merges = 0;                          // where "merges" begins, if it came before "vocab"
  std::string scratch = {}, scratch2 = {}, joined = {};

  Status Bad(const std::string& field, const std::string& what) const {
    return InvalidInput(name + ": model." + field + ": " + what);
  }
  static std::string Quote(std::string_view s) {
    std::string out = "\"";
    out += s.substr(0, 80);
    out += s.size() > 80 ? "...\"" : "\"";
    return out;
  }

  Status ReadVocab() {
    if (have_vocab) return Bad("vocab", "is there twice");
    have_vocab = true;
    reader.BeginObject();
    std::string_view piece;
    while (reader.NextKey(piece, scratch)) {
      int64_t id;
      if (!reader.ReadInt(id)) break;
      if (id < 0 || id >= std::numeric_limits<int32_t>::max()) {
        return Bad("vocab",
                   "the id of " + Quote(piece) + " is " + std::to_string(id) + "; it should be from 0 to 2147483646");
      }
      switch (bpe.vocab_.Add(piece, static_cast<int32_t>(id))) {
        case Vocab::AddResult::kAdded:
          break;
        case Vocab::AddResult::kDuplicate:
          return Bad("vocab", "the token " + Quote(piece) + " is there twice");
        case Vocab::AddResult::kFull:
          return Bad("vocab", "has over 4 GB of tokens");
      }
    }
    LACUNA_RETURN_IF_ERROR(reader.status());
    if (const int32_t id = bpe.vocab_.IndexIds(); id >= 0) {
      return Bad("vocab", "two tokens have the id " + std::to_string(id) + "; ids should be unique");
    }
    return {};
  }

  // One merge, "left right" or ["left", "right"]. False when there is none (the first line of a merges.txt).
  Status ReadPair(size_t index, std::string_view& left, std::string_view& right, bool& skip) {
    const auto field = [&] { return "merges[" + std::to_string(index) + "]"; };
    skip = false;
    if (reader.Peek() == JsonReader::Kind::kString) {
      if (!reader.ReadString(left, scratch)) return reader.status();
      if (left.starts_with("#version")) {
        skip = true;
        return {};
      }
      const size_t space = left.find(' ');
      if (space == std::string_view::npos || left.find(' ', space + 1) != std::string_view::npos) {
        return Bad(field(), Quote(left) + " should be two tokens with one space between");
      }
      right = left.substr(space + 1);
      left = left.substr(0, space);
      return {};
    }
    if (!reader.BeginArray()) return reader.status();
    const bool pair = reader.NextElement() && reader.ReadString(left, scratch) && reader.NextElement() &&
                      reader.ReadString(right, scratch2) && !reader.NextElement();
    LACUNA_RETURN_IF_ERROR(reader.status());
    return pair ? Status() : Bad(field(), "should be two tokens");
  }

  Status ReadMerges() {
    have_merges = true;
    const Vocab& vocab = bpe.vocab_;
    bpe.merges_.Reserve(2 * vocab.size());
    reader.BeginArray();
    uint32_t rank = 0;
    for (size_t index = 0; reader.NextElement(); ++index) {
      std::string_view left, right;
      bool skip;
      LACUNA_RETURN_IF_ERROR(ReadPair(index, left, right, skip));
      if (skip) continue;
      const auto unknown = [&](std::string_view token) {
        return Bad("merges[" + std::to_string(index) + "]", "the token " + Quote(token) + " is not in model.vocab");
      };
      const int32_t a = vocab.Find(left), b = vocab.Find(right);
      if (a < 0) return unknown(left);
      if (b < 0) return unknown(right);
      joined.assign(left);
      if (!right.starts_with(bpe.prefix_)) {
        return Bad("merges[" + std::to_string(index) + "]",
                   Quote(right) + " should begin with continuing_subword_prefix, " + Quote(bpe.prefix_));
      }
      joined += right.substr(bpe.prefix_.size());
      const int32_t id = vocab.Find(joined);
      if (id < 0) return unknown(joined);
      bool added;
      // Of two merges of one pair the later counts.
      bpe.merges_.Insert(PairKey(a, b), added) = {rank++, id};
    }
    return reader.status();
  }

  Status ReadFlag(bool& flag) {
    if (reader.Peek() == JsonReader::Kind::kNull) {
      reader.ReadNull();
    } else {
      reader.ReadBool(flag);
    }
    return reader.status();
  }

  Status ReadOptional(std::optional<std::string>& value) {
    if (reader.Peek() == JsonReader::Kind::kNull) {
      reader.ReadNull();
    } else if (std::string_view s; reader.ReadString(s, scratch)) {
      value = std::string(s);
    }
    return reader.status();
  }

  Status ReadText(std::string& value) {
    std::optional<std::string> s;
    LACUNA_RETURN_IF_ERROR(ReadOptional(s));
    value = s.value_or("");
    return {};
  }

  Status ReadType() {
    std::string_view type;
    if (!reader.ReadString(type, scratch)) return reader.status();
    scored = type == "ScoredBPE";
    if (scored || type == "BPE") return {};
    return Bad("type", "the model " + Quote(type) + " is not supported; lacuna has BPE");
  }

  Status ReadScores() {
    if (have_scores) return Bad("scores", "is there twice");
    have_scores = true;
    reader.BeginArray();
    while (reader.NextElement()) {
      if (reader.Peek() == JsonReader::Kind::kNull) {
        reader.ReadNull();
        scores.emplace_back();
      } else if (double score; reader.ReadDouble(score)) {
        scores.emplace_back(score);
      }
    }
    return reader.status();
  }

  // All pairs whose text is a token with a score, ranked by it. Both halves must be tokens with a score themselves: a
  // text starts as characters, which have one where a token contains them, and grows by merges.
  Status MergesOfScores() {
    const Vocab& vocab = bpe.vocab_;
    if (vocab.max_id() + size_t{1} != vocab.size() || scores.size() != vocab.size()) {
      return Bad("scores", "has " + std::to_string(scores.size()) + " entries; there must be one for each of the " +
                               std::to_string(vocab.size()) + " tokens, whose ids must be 0 to " +
                               std::to_string(vocab.size() - 1));
    }
    std::vector<double> ranked;
    for (const auto& score : scores)
      if (score) ranked.push_back(*score);
    std::sort(ranked.begin(), ranked.end(), std::greater<>());
    ranked.erase(std::unique(ranked.begin(), ranked.end()), ranked.end());
    bpe.merges_.Reserve(4 * vocab.size());
    const auto part = [&](std::string_view text) {
      const int32_t id = vocab.Find(text);
      return id >= 0 && scores[static_cast<size_t>(id)] ? id : -1;
    };
    for (size_t id = 0; id < scores.size(); ++id) {
      if (!scores[id]) continue;
      const std::string_view piece = vocab.Piece(static_cast<int32_t>(id));
      if (piece.size() > kMaxScoredPiece) {
        return Bad("vocab", "the token " + std::to_string(id) + " has " + std::to_string(piece.size()) +
                                " bytes; with a score it may have " + std::to_string(kMaxScoredPiece));
      }
      const auto rank = std::lower_bound(ranked.begin(), ranked.end(), *scores[id], std::greater<>()) - ranked.begin();
      for (size_t cut = 0; cut < piece.size();) {
        cut += unicode::CharLength(piece[cut]);
        if (cut >= piece.size()) break;
        const int32_t left = part(piece.substr(0, cut)), right = part(piece.substr(cut));
        if (left < 0 || right < 0) continue;
        bool added;
        bpe.merges_.Insert(PairKey(left, right), added) = {static_cast<uint32_t>(rank), static_cast<int32_t>(id)};
      }
    }
    return {};
  }

  Status ReadDropout() {
    if (reader.Peek() == JsonReader::Kind::kNull) {
      reader.ReadNull();
      return reader.status();
    }
    double dropout;
    if (!reader.ReadDouble(dropout)) return reader.status();
    if (dropout == 0) return {};
    return Bad("dropout", "random merges are not supported; it should be null");
  }

  Status ReadField(const std::string& key) {
    if (key == "type") return ReadType();
    if (key == "vocab") return ReadVocab();
    if (key == "scores") return ReadScores();
    if (key == "dropout") return ReadDropout();
    if (key == "unk_token") return ReadOptional(bpe.unk_token_);
    if (key == "continuing_subword_prefix") return ReadText(bpe.prefix_);
    if (key == "end_of_word_suffix") return ReadText(bpe.suffix_);
    if (key == "fuse_unk") return ReadFlag(bpe.fuse_unk_);
    if (key == "byte_fallback") return ReadFlag(bpe.byte_fallback_);
    if (key == "ignore_merges") return ReadFlag(bpe.ignore_merges_);
    return Bad(key, "is not a setting of BPE that lacuna knows");
  }

  Status Run() {
    bpe.name_ = name;
    std::string_view key_view, raw;
    std::string key_scratch, late_key;
    bool have_prefix = false;
    if (!reader.BeginObject()) return reader.status();
    while (reader.NextKey(key_view, key_scratch)) {
      const std::string key(key_view);
      if (key == "merges") {
        if (have_merges || late_merges) return Bad("merges", "is there twice");
        // Merges need the vocabulary and the prefix; files have both before.
        if (have_vocab && have_prefix) {
          LACUNA_RETURN_IF_ERROR(ReadMerges());
        } else {
          reader.Peek();
          late_merges = reader.position();
          reader.SkipValue(raw);
        }
      } else {
        LACUNA_RETURN_IF_ERROR(ReadField(key));
        have_prefix |= key == "continuing_subword_prefix";
      }
    }
    LACUNA_RETURN_IF_ERROR(reader.status());
    if (!have_vocab) return Bad("vocab", "is missing");
    if (have_scores != scored) return Bad("scores", scored ? "is missing" : "belongs to the model ScoredBPE alone");
    if (scored) {
      if (have_merges || late_merges) return Bad("merges", "does not go with scores");
      if (!bpe.prefix_.empty() || !bpe.suffix_.empty()) return Bad("scores", "does not go with affixes of words");
      LACUNA_RETURN_IF_ERROR(MergesOfScores());
    } else if (!have_merges && !late_merges) {
      return Bad("merges", "is missing");
    }
    if (late_merges) {
      const size_t end = reader.position();
      reader.set_position(late_merges);
      LACUNA_RETURN_IF_ERROR(ReadMerges());
      reader.set_position(end);
    }
    bpe.IndexCharacters();
    return {};
  }
};

Result<Bpe> Bpe::Read(JsonReader& reader, const std::string& name) {
  Parser parser{reader, name};
  LACUNA_RETURN_IF_ERROR(parser.Run());
  return std::move(parser.bpe);
}

}  // namespace lacuna
