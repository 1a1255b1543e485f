// Encoding. Short pieces (nearly all) rescan an array of ranks after each merge; long ones keep candidates in a heap,
// so that a megabyte without a break is not quadratic. Both give the same ids.
#include "tokenizer/bpe.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <unordered_set>

#include "base/status_macros.h"
#include "tokenizer/unicode.h"

namespace lacuna {
namespace {

constexpr size_t kShort = 48;          // symbols; where the heap starts to win
constexpr char32_t kLowChars = 0x180;  // covers ASCII and GPT-2's byte alphabet
constexpr uint64_t kNoMerge = ~uint64_t{0};

}  // namespace

void Bpe::IndexCharacters() {
  low_chars_.assign(kLowChars, -1);
  std::string s;
  for (char32_t c = 0; c < kLowChars; ++c) {
    s.clear();
    unicode::Append(c, s);
    low_chars_[c] = vocab_.Find(s);
  }
  byte_ids_.assign(256, -1);
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (size_t b = 0; b < 256; ++b) {
    byte_ids_[b] = vocab_.Find(std::string("<0x") + kHex[b >> 4] + kHex[b & 15] + ">");
  }
  if (unk_token_) unk_id_ = vocab_.Find(*unk_token_);
  FindJoints();
}

// Without a pre-tokenizer (as Llama 2 has it) a whole text is one piece, and merging it takes ten times as long as
// merging its words: every step waits for memory. So a long piece is cut where no merge can join the two characters,
// which changes nothing: a merge across a cut would join a token that ends in the left one with a token that begins
// with the right one, and joints_ has the ends of all merges.
void Bpe::FindJoints() {
  have_joints_ = byte_fallback_ && prefix_.empty() && suffix_.empty();
  if (!have_joints_) return;
  const auto character = [this](std::string_view token, bool last) {
    size_t begin = last ? token.size() : 0;
    if (last && begin > 0) unicode::Previous(token, begin);
    if (begin == token.size()) return -1;
    return vocab_.Find(token.substr(begin, unicode::CharLength(token[begin])));
  };
  // Bytes and unk_token are characters whose spelling is another; merges of those spoil the argument above.
  std::unordered_set<int32_t> others(byte_ids_.begin(), byte_ids_.end());
  others.insert(unk_id_);
  others.erase(-1);
  merges_.ForEach([&](uint64_t key, const Merge&) {
    const auto left = static_cast<int32_t>(key >> 32), right = static_cast<int32_t>(key & 0xFFFFFFFFu);
    if (others.count(left) || others.count(right)) have_joints_ = false;
    const int32_t a = character(vocab_.Piece(left), true), b = character(vocab_.Piece(right), false);
    bool added;
    if (a >= 0 && b >= 0) joints_.Insert(PairKey(a, b), added) = 1;
  });
}

// The characters' ids in scratch.start. Unknown ones become bytes, unk_token or nothing, in this order of preference.
Status Bpe::StartSymbols(std::string_view piece, Scratch& scratch) const {
  std::vector<int32_t>& ids = scratch.start;
  ids.clear();
  bool unk = false;  // an unk_token waits to be written; with fuse_unk it stands for all in a row
  for (size_t pos = 0; pos < piece.size();) {
    const size_t begin = pos;
    const char32_t c = unicode::Next(piece, pos);
    int32_t id;
    std::string_view text = piece.substr(begin, pos - begin);
    const bool first = begin == 0, last = pos == piece.size();
    if ((!first && !prefix_.empty()) || (last && !suffix_.empty())) {
      scratch.text.clear();
      if (!first) scratch.text += prefix_;
      scratch.text += text;
      if (last) scratch.text += suffix_;
      text = scratch.text;
      id = vocab_.Find(text);
    } else {
      id = c < kLowChars ? low_chars_[c] : vocab_.Find(text);
    }
    if (id >= 0) {
      if (unk) ids.push_back(unk_id_);
      unk = false;
      ids.push_back(id);
      continue;
    }
    const auto byte_id = [this](char b) { return byte_ids_[static_cast<unsigned char>(b)]; };
    if (byte_fallback_ && std::all_of(text.begin(), text.end(), [&](char b) { return byte_id(b) >= 0; })) {
      // A waiting unk_token is written behind the bytes: the reference implementation does so.
      for (const char b : text) ids.push_back(byte_id(b));
      continue;
    }
    if (!unk_token_) continue;
    if (unk_id_ < 0) {
      return InvalidInput(name_ + ": model.unk_token: \"" + *unk_token_ +
                          "\" is not in model.vocab, and the text has a character that needs it");
    }
    if (unk && !fuse_unk_) ids.push_back(unk_id_);
    unk = true;
  }
  if (unk) ids.push_back(unk_id_);
  return {};
}

void Bpe::MergeShort(Scratch& scratch) const {
  std::vector<int32_t>& ids = scratch.ids;
  std::vector<uint64_t>& ranks = scratch.ranks;  // rank << 32 | new id of the pair (i, i + 1)
  const auto rank_of = [&](size_t i) {
    const Merge* m = FindMerge(ids[i], ids[i + 1]);
    return m ? static_cast<uint64_t>(m->rank) << 32 | static_cast<uint32_t>(m->id) : kNoMerge;
  };
  if (ids.size() < 2) return;
  ranks.resize(ids.size() - 1);
  for (size_t i = 0; i < ranks.size(); ++i) ranks[i] = rank_of(i);
  while (!ranks.empty()) {
    // The first of equal ranks, whose ids may differ where they come from scores.
    const auto best =
        std::min_element(ranks.begin(), ranks.end(), [](uint64_t a, uint64_t b) { return a >> 32 < b >> 32; });
    if (*best == kNoMerge) return;
    const auto i = static_cast<size_t>(best - ranks.begin());
    ids[i] = static_cast<int32_t>(*best & 0xFFFFFFFFu);
    ids.erase(ids.begin() + static_cast<ptrdiff_t>(i) + 1);
    ranks.erase(best);
    if (i < ranks.size()) ranks[i] = rank_of(i);
    if (i > 0) ranks[i - 1] = rank_of(i - 1);
  }
}

void Bpe::MergeLong(Scratch& scratch) const {
  auto& symbols = scratch.symbols;
  std::vector<uint64_t>& heap = scratch.heap;  // rank << 32 | index of the left symbol; stale entries are dropped late
  const size_t n = scratch.ids.size();
  symbols.resize(n);
  heap.clear();
  for (size_t i = 0; i < n; ++i) {
    symbols[i] = {scratch.ids[i], static_cast<int32_t>(i) - 1, i + 1 < n ? static_cast<int32_t>(i) + 1 : -1};
  }
  const auto merge_at = [&](int32_t i) -> const Merge* {
    const auto& s = symbols[static_cast<size_t>(i)];
    return s.id < 0 || s.next < 0 ? nullptr : FindMerge(s.id, symbols[static_cast<size_t>(s.next)].id);
  };
  const auto key = [](const Merge* m, int32_t i) {
    return static_cast<uint64_t>(m->rank) << 32 | static_cast<uint32_t>(i);
  };
  const auto push = [&](int32_t i) {
    if (const Merge* m = merge_at(i)) {
      heap.push_back(key(m, i));
      std::push_heap(heap.begin(), heap.end(), std::greater<>());
    }
  };
  for (size_t i = 0; i + 1 < n; ++i) {
    if (const Merge* m = merge_at(static_cast<int32_t>(i))) heap.push_back(key(m, static_cast<int32_t>(i)));
  }
  std::make_heap(heap.begin(), heap.end(), std::greater<>());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    const uint64_t top = heap.back();
    heap.pop_back();
    const auto i = static_cast<int32_t>(top & 0xFFFFFFFFu);
    const Merge* m = merge_at(i);
    if (!m || m->rank != top >> 32) continue;
    auto& left = symbols[static_cast<size_t>(i)];
    auto& right = symbols[static_cast<size_t>(left.next)];
    left.id = m->id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = i;
    if (left.previous >= 0) push(left.previous);
    push(i);
  }
  scratch.ids.clear();
  for (int32_t i = n > 0 ? 0 : -1; i >= 0; i = symbols[static_cast<size_t>(i)].next) {
    scratch.ids.push_back(symbols[static_cast<size_t>(i)].id);
  }
}

Status Bpe::Encode(std::string_view piece, Scratch& scratch, std::vector<int32_t>& ids) const {
  if (piece.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return InvalidInput(name_ + ": a piece of the text without a break has over 2^31 bytes");
  }
  if (ignore_merges_) {
    if (const int32_t id = vocab_.Find(piece); id >= 0) {
      ids.push_back(id);
      return {};
    }
  }
  LACUNA_RETURN_IF_ERROR(StartSymbols(piece, scratch));
  const std::vector<int32_t>& start = scratch.start;
  for (size_t begin = 0, end; begin < start.size(); begin = end) {
    end = start.size() <= kShort ? start.size() : begin + 1;
    while (end < start.size() && MayJoin(start[end - 1], start[end])) ++end;
    scratch.ids.assign(start.begin() + static_cast<ptrdiff_t>(begin), start.begin() + static_cast<ptrdiff_t>(end));
    if (end - begin <= kShort) {
      MergeShort(scratch);
    } else {
      MergeLong(scratch);
    }
    ids.insert(ids.end(), scratch.ids.begin(), scratch.ids.end());
  }
  return {};
}

}  // namespace lacuna
