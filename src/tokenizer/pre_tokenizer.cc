#include "tokenizer/pre_tokenizer.h"

#include <string_view>
#include <utility>

#include "base/status_macros.h"
#include "tokenizer/byte_level.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/pattern.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

// GPT-2's own, and that of the `regex` crate's \w+|[^\w\s]+ with the properties written out.
constexpr char kGpt2Pattern[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kWordPattern[] =
    R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\s]+)";

std::string_view TextOf(const PieceList& list, const Piece& piece) {
  return std::string_view(list.text).substr(piece.begin, piece.end - piece.begin);
}

class Split : public PreTokenizer {
 public:
  Split(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  Status Apply(PieceList& list) const override {
    std::vector<Piece> out;
    out.reserve(list.pieces.size() * 2);
    std::vector<Segment> segments;
    std::vector<Range> parts;
    for (const Piece& piece : list.pieces) {
      if (piece.token >= 0) {
        out.push_back(piece);
        continue;
      }
      LACUNA_RETURN_IF_ERROR(pattern_.Find(TextOf(list, piece), segments));
      if (invert_) {
        for (Segment& s : segments) s.is_match = !s.is_match;
      }
      ApplyBehavior(segments, behavior_, parts);
      for (const Range& part : parts) {
        if (part.begin == part.end) continue;
        out.push_back({piece.begin + part.begin, piece.begin + part.end, -1, piece.at_start && part.begin == 0});
      }
    }
    list.pieces = std::move(out);
    return {};
  }

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

// Writes the text anew: change(text of a piece, piece, new text) appends what becomes of it.
template <typename Change>
void Rewrite(PieceList& list, Change change) {
  std::string text;
  text.reserve(list.text.size() + list.text.size() / 8 + 16);
  for (Piece& piece : list.pieces) {
    const size_t begin = text.size();
    if (piece.token < 0) change(TextOf(list, piece), piece, text);
    piece.begin = begin;
    piece.end = text.size();
  }
  list.text = std::move(text);
}

// A space before every piece that has none.
class PrefixSpace : public PreTokenizer {
 public:
  Status Apply(PieceList& list) const override {
    Rewrite(list, [](std::string_view s, const Piece&, std::string& out) {
      if (s[0] != ' ') out += ' ';
      out += s;
    });
    return {};
  }
};

class ByteAlphabet : public PreTokenizer {
 public:
  Status Apply(PieceList& list) const override {
    Rewrite(list, [](std::string_view s, const Piece&, std::string& out) { AppendByteLevel(s, out); });
    return {};
  }
};

// Spaces become `replacement`, one of which is put in front ("always", "first": of the input's first piece only).
class MetaspaceMark : public PreTokenizer {
 public:
  enum class Scheme { kAlways, kFirst, kNever };
  MetaspaceMark(std::string replacement, Scheme scheme) : replacement_(std::move(replacement)), scheme_(scheme) {}

  Status Apply(PieceList& list) const override {
    Rewrite(list, [this](std::string_view s, const Piece& piece, std::string& out) {
      const bool wanted = scheme_ == Scheme::kAlways || (scheme_ == Scheme::kFirst && piece.at_start);
      if (wanted && s[0] != ' ' && !s.starts_with(replacement_)) out += replacement_;
      for (const char c : s) {
        if (c == ' ') {
          out += replacement_;
        } else {
          out += c;
        }
      }
    });
    return {};
  }

 private:
  std::string replacement_;
  Scheme scheme_;
};

Status ParseMetaspace(JsonFields& fields, PreTokenizers& steps) {
  std::string replacement;
  unicode::Append(fields.Char("replacement"), replacement);
  // Before prepend_scheme there was add_prefix_space.
  const bool prefix = fields.Bool("add_prefix_space", true);
  const std::string scheme = fields.String("prepend_scheme", prefix ? "always" : "never");
  const bool split = fields.Bool("split", true);
  fields.Ignore({"str_rep"});
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return InvalidInput(fields.Path("prepend_scheme") + ": \"" + scheme + "\" should be always, first or never");
  }
  if (!prefix && scheme != "never") {
    return InvalidInput(fields.Path("add_prefix_space") + ": is false, but prepend_scheme is \"" + scheme + "\"");
  }
  steps.push_back(std::make_unique<MetaspaceMark>(replacement, scheme == "always"  ? MetaspaceMark::Scheme::kAlways
                                                               : scheme == "first" ? MetaspaceMark::Scheme::kFirst
                                                                                   : MetaspaceMark::Scheme::kNever));
  if (split) steps.push_back(std::make_unique<Split>(Pattern(replacement), SplitBehavior::kMergedWithNext, false));
  return {};
}

Status ParseByteLevel(JsonFields& fields, PreTokenizers& steps) {
  if (fields.Bool("add_prefix_space", true)) steps.push_back(std::make_unique<PrefixSpace>());
  fields.Bool("trim_offsets", true);  // offsets only
  if (fields.Bool("use_regex", true)) {
    LACUNA_ASSIGN_OR_RETURN(Regex regex, Regex::Compile(kGpt2Pattern, fields.where()));
    steps.push_back(std::make_unique<Split>(Pattern(std::move(regex)), SplitBehavior::kIsolated, false));
  }
  steps.push_back(std::make_unique<ByteAlphabet>());
  return {};
}

}  // namespace

Status ParsePreTokenizer(const nlohmann::json& node, const std::string& where, PreTokenizers& steps, bool& byte_level) {
  if (node.is_null()) return {};
  JsonFields fields(node, where);
  const std::string type = fields.Type();
  const auto add_split = [&](Pattern pattern, SplitBehavior behavior, bool invert) {
    steps.push_back(std::make_unique<Split>(std::move(pattern), behavior, invert));
  };
  if (type == "Sequence") {
    if (const nlohmann::json* list = fields.Array("pretokenizers")) {
      for (size_t i = 0; i < list->size(); ++i) {
        const std::string path = fields.Path("pretokenizers[" + std::to_string(i) + "]");
        LACUNA_RETURN_IF_ERROR(ParsePreTokenizer((*list)[i], path, steps, byte_level));
      }
    }
  } else if (type == "ByteLevel") {
    LACUNA_RETURN_IF_ERROR(ParseByteLevel(fields, steps));
    byte_level = true;
  } else if (type == "Split") {
    std::optional<Pattern> pattern = fields.GetPattern("pattern");
    const SplitBehavior behavior = fields.Behavior("behavior");
    const bool invert = fields.Bool("invert", false);
    if (pattern) add_split(std::move(*pattern), behavior, invert);
  } else if (type == "Metaspace") {
    LACUNA_RETURN_IF_ERROR(ParseMetaspace(fields, steps));
  } else if (type == "Digits") {
    add_split(Pattern(&unicode::IsNumber),
              fields.Bool("individual_digits", false) ? SplitBehavior::kIsolated : SplitBehavior::kContiguous, false);
  } else if (type == "Punctuation") {
    add_split(Pattern(&unicode::IsPunctuation), fields.Behavior("behavior", SplitBehavior::kIsolated), false);
  } else if (type == "Whitespace") {
    LACUNA_ASSIGN_OR_RETURN(Regex regex, Regex::Compile(kWordPattern, where));
    add_split(Pattern(std::move(regex)), SplitBehavior::kRemoved, true);
  } else if (type == "WhitespaceSplit") {
    add_split(Pattern(&unicode::IsWhiteSpace), SplitBehavior::kRemoved, false);
  } else if (type == "CharDelimiterSplit") {
    std::string delimiter;
    unicode::Append(fields.Char("delimiter"), delimiter);
    add_split(Pattern(delimiter), SplitBehavior::kRemoved, false);
  } else {
    LACUNA_RETURN_IF_ERROR(type.empty() ? fields.Finish() : Status());
    return InvalidInput(where + ": the pre-tokenizer \"" + type +
                        "\" is not supported; lacuna has Sequence, ByteLevel, Split, Metaspace, Digits, Punctuation, "
                        "Whitespace, WhitespaceSplit and CharDelimiterSplit");
  }
  return fields.Finish();
}

}  // namespace lacuna
