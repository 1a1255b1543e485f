#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/status_macros.h"
#include "tokenizer/json_fields.h"
#include "tokenizer/markup.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

// A walk down the trie costs a token's length at every place of the text, so the length is bounded.
constexpr size_t kMaxContent = 4096;

// The `regex` crate's \w.
constexpr char kWordChar[] = R"([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}])";

// Whether one of the spans, ascending and apart, has a byte in begin..end.
bool Touches(std::span<const TextSpan> spans, size_t begin, size_t end) {
  const auto it = std::upper_bound(spans.begin(), spans.end(), begin,
                                   [](size_t at, const TextSpan& span) { return at < span.end; });
  return it != spans.end() && it->begin < end;
}

}  // namespace

void Trie::Add(std::string_view text, int32_t value) {
  if (text.empty()) return;
  if (values_.empty()) values_.push_back(-1);
  uint64_t node = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    bool added;
    uint32_t& next = edges_.Insert(node << 8 | byte, added);
    if (added) {
      next = static_cast<uint32_t>(values_.size());
      values_.push_back(-1);
      if (node == 0) root_[byte] = next;
    }
    node = next;
  }
  if (values_[node] < 0) values_[node] = value;
}

Result<AddedTokens> AddedTokens::Parse(const nlohmann::json& node, const std::string& where, const Vocab& vocab,
                                       const Normalizers& normalizers) {
  AddedTokens out;
  if (node.is_null()) return out;
  if (!node.is_array()) return InvalidInput(where + ": should be an array");
  std::vector<AddedToken> specials, plain;  // in the order of the file; a special content is listed once
  std::unordered_set<std::string> special_contents;
  for (size_t i = 0; i < node.size(); ++i) {
    JsonFields fields(node[i], where + "[" + std::to_string(i) + "]");
    AddedToken token;
    const auto id = static_cast<int32_t>(fields.Int("id", 0, std::numeric_limits<int32_t>::max() - 1));
    token.content = fields.String("content");
    token.single_word = fields.Bool("single_word", false);
    token.lstrip = fields.Bool("lstrip", false);
    token.rstrip = fields.Bool("rstrip", false);
    token.special = fields.Bool("special", false);
    token.normalized = fields.Bool("normalized", !token.special);
    LACUNA_RETURN_IF_ERROR(fields.Finish());
    if (token.content.empty()) continue;
    if (token.content.size() > kMaxContent) {
      return InvalidInput(fields.Path("content") + ": has " + std::to_string(token.content.size()) +
                          " bytes; up to 4096 are supported");
    }
    const bool first_special = token.special && special_contents.insert(token.content).second;
    if (first_special) specials.push_back(token);
    int64_t expected = vocab.Find(token.content);
    if (const auto known = out.ids_.find(token.content); known != out.ids_.end()) {
      if (out.tokens_[known->second] == token) continue;
      expected = known->second;
    }
    if (expected < 0) {
      expected = std::max(static_cast<int64_t>(vocab.size()), int64_t{out.max_id_} + 1);
      if (vocab.Has(static_cast<int32_t>(expected))) {
        return InvalidInput(fields.where() + ": \"" + token.content + "\" gets the id " + std::to_string(expected) +
                            " (the size of model.vocab and on), which a token of model.vocab has");
      }
    }
    if (id != expected) {
      return InvalidInput(fields.Path("id") + ": \"" + token.content + "\" has " + std::to_string(id) +
                          ", but should have " + std::to_string(expected) +
                          " (its id in model.vocab, or else numbered from the size of model.vocab on)");
    }
    out.ids_[token.content] = id;
    out.tokens_[id] = token;
    out.max_id_ = std::max(out.max_id_, id);
    if (special_contents.count(token.content) == 0) plain.push_back(token);
  }
  bool any_single = false;
  for (const auto* tokens : {&specials, &plain}) {
    for (const AddedToken& token : *tokens) {
      any_single |= token.single_word;
      const bool guarded = token.special || IsMarkup(token.content);
      if (token.special) out.special_ids_.insert(out.ids_[token.content]);
      if (guarded) out.guarded_ids_.insert(out.ids_[token.content]);
      std::string content = token.content;
      bool at_start = false;
      if (token.normalized) {
        LACUNA_RETURN_IF_ERROR(ApplyNormalizers(normalizers, content, at_start));
        if (content != token.content) out.normalized_contents_[out.ids_[token.content]] = content;
      }
      if (special_contents.count(content) > 0) out.skipped_ids_.insert(out.ids_[token.content]);
      (token.normalized ? out.normalized_ : out.raw_).Add(content, out.ids_[token.content]);
      if (token.normalized && guarded) out.spelled_.Add(token.content, out.ids_[token.content]);
    }
  }
  if (any_single) {
    LACUNA_ASSIGN_OR_RETURN(Regex word, Regex::Compile(kWordChar, where));
    out.word_ = std::move(word);
  }
  return out;
}

bool AddedTokens::StandsAlone(std::string_view text, size_t begin, size_t end) const {
  if (!word_) return true;
  if (begin > 0) {
    size_t at = begin;
    unicode::Previous(text, at);
    if (word_->Matches(text.substr(at, begin - at))) return false;
  }
  return end == text.size() || !word_->Matches(text.substr(end, unicode::CharLength(text[end])));
}

void AddedTokens::FindIn(std::string_view text, const Trie& trie, std::span<const TextSpan> plain, size_t offset,
                         std::vector<Found>& found) const {
  found.clear();
  size_t done = 0;
  const auto accept = [&](const Trie::Match& match) {
    return plain.empty() || guarded_ids_.count(match.value) == 0 ||
           !Touches(plain, offset + match.begin, offset + match.end);
  };
  for (size_t from = 0; from < text.size();) {
    const Trie::Match match = trie.Find(text, from, accept);
    if (match.begin == std::string_view::npos) break;
    from = match.end;
    const AddedToken& token = tokens_.at(match.value);
    size_t begin = match.begin, end = match.end;
    if (token.single_word && !StandsAlone(text, begin, end)) continue;
    if (token.lstrip) {
      for (size_t pos = begin; pos > done; begin = pos) {
        if (!unicode::IsWhiteSpace(unicode::Previous(text, pos))) break;
      }
    }
    if (token.rstrip) {
      for (size_t pos = end; pos < text.size(); end = pos) {
        if (!unicode::IsWhiteSpace(unicode::Next(text, pos))) break;
      }
    }
    // The search goes on right behind the match itself: a token of white space that an rstrip took is still found,
    // unless its own lstrip leaves nothing of it. The reference implementation does so.
    if (token.lstrip) begin = std::max(begin, done);
    if (done < begin) found.push_back({done, begin, -1});
    if (begin < end) found.push_back({begin, end, match.value});
    done = end;
  }
  if (done != text.size()) found.push_back({done, text.size(), -1});
}

Status AddedTokens::Split(std::string_view text, std::span<const TextSpan> plain, const Normalizers& normalizers,
                          PieceList& list) const {
  std::vector<Found> outer, spelled;
  FindIn(text, raw_, plain, 0, outer);
  for (const Found& part : outer) {
    if (part.id >= 0) {
      list.pieces.push_back({list.text.size(), list.text.size(), part.id, false});
      continue;
    }
    const std::string_view inside = text.substr(part.begin, part.end - part.begin);
    if (spelled_.empty() || normalizers.empty() || !Touches(plain, part.begin, part.end)) {
      LACUNA_RETURN_IF_ERROR(SplitNormalized(inside, part.begin, plain, normalizers, list));
      continue;
    }
    FindIn(inside, spelled_, plain, part.begin, spelled);
    for (const Found& p : spelled) {
      if (p.id >= 0) {
        list.pieces.push_back({list.text.size(), list.text.size(), p.id, false});
      } else {
        LACUNA_RETURN_IF_ERROR(
            SplitNormalized(inside.substr(p.begin, p.end - p.begin), part.begin + p.begin, plain, normalizers, list));
      }
    }
  }
  return {};
}

Status AddedTokens::SplitNormalized(std::string_view text, size_t offset, std::span<const TextSpan> plain,
                                    const Normalizers& normalizers, PieceList& list) const {
  std::string normal(text);
  bool at_start = offset == 0;
  LACUNA_RETURN_IF_ERROR(ApplyNormalizers(normalizers, normal, at_start));
  // With normalizers a span has no place any more: one that touches the text covers it.
  const TextSpan whole{0, normal.size()};
  std::vector<Found> inner;
  if (normalizers.empty()) {
    FindIn(normal, normalized_, plain, offset, inner);
  } else if (Touches(plain, offset, offset + text.size())) {
    FindIn(normal, normalized_, {&whole, 1}, 0, inner);
  } else {
    FindIn(normal, normalized_, {}, 0, inner);
  }
  const size_t base = list.text.size();
  list.text += normal;
  for (const Found& p : inner) {
    list.pieces.push_back({base + p.begin, base + p.end, p.id, at_start && p.begin == 0});
  }
  return {};
}

std::string_view AddedTokens::Content(int32_t id) const {
  const auto it = tokens_.find(id);
  return it == tokens_.end() ? std::string_view() : std::string_view(it->second.content);
}

std::string_view AddedTokens::DecodeContent(int32_t id) const {
  const auto it = normalized_contents_.find(id);
  return it == normalized_contents_.end() ? Content(id) : std::string_view(it->second);
}

std::optional<int32_t> AddedTokens::IdOf(std::string_view content) const {
  const auto it = ids_.find(std::string(content));
  return it == ids_.end() ? std::nullopt : std::optional<int32_t>(it->second);
}

}  // namespace lacuna
