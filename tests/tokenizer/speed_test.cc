// Loading a vocabulary of Llama 3's size, and encoding in about linear time.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "lacuna/tokenizer.h"
#include "tests/support/sanitizers.h"
#include "tokenizer/byte_level.h"

#if LACUNA_SANITIZED || !defined(__OPTIMIZE__)
#define LACUNA_SLOW_BUILD 1
#else
#define LACUNA_SLOW_BUILD 0
#endif

namespace lacuna {
namespace {

// CPU time: the machine may be busy with other things.
double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

std::string Quote(const std::string& s) {
  std::string out = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

struct Synthetic {
  std::vector<std::string> pieces;
  std::vector<std::pair<std::string, std::string>> merges;
};

// The 256 bytes, then pieces joined from random shorter ones, and further merges that give the same pieces.
Synthetic MakeSynthetic(size_t tokens, size_t merges, uint32_t seed) {
  std::mt19937 random(seed);
  Synthetic out;
  std::unordered_set<std::string> known;
  for (int b = 0; b < 256; ++b) {
    std::string piece;
    AppendByteLevel(std::string(1, static_cast<char>(b)), piece);
    out.pieces.push_back(piece);
    known.insert(piece);
  }
  while (out.pieces.size() < tokens) {
    std::string a = out.pieces[random() % out.pieces.size()];
    std::string b = out.pieces[random() % std::min<size_t>(out.pieces.size(), 2000)];
    if (a.size() + b.size() > 24 || !known.insert(a + b).second) continue;
    out.pieces.push_back(a + b);
    out.merges.emplace_back(std::move(a), std::move(b));
  }
  // Llama 3 has more merges than pieces, too.
  for (size_t i = 0; out.merges.size() < merges; i = (i + 1) % tokens) {
    const std::string& whole = out.pieces[i];
    for (size_t cut = 1; cut < whole.size() && out.merges.size() < merges; ++cut) {
      const std::string a = whole.substr(0, cut), b = whole.substr(cut);
      if (known.count(a) && known.count(b)) out.merges.emplace_back(a, b);
    }
  }
  return out;
}

std::string ToJson(const Synthetic& s, bool pairs) {
  std::string text =
      R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":null,"pre_tokenizer":)"
      R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},"post_processor":null,)"
      R"("decoder":{"type":"ByteLevel"},"model":{"type":"BPE","dropout":null,"unk_token":null,)"
      R"("continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"vocab":{)";
  for (size_t i = 0; i < s.pieces.size(); ++i) {
    text += (i ? ",\n" : "\n") + std::string("      ") + Quote(s.pieces[i]) + ": " + std::to_string(i);
  }
  text += "},\"merges\":[";
  bool first = true;
  for (const auto& [a, b] : s.merges) {
    text += first ? "\n" : ",\n";
    first = false;
    if (pairs) {
      text.append("[").append(Quote(a)).append(",").append(Quote(b)).append("]");
    } else {
      text += Quote(a + " " + b);
    }
  }
  return text + "]}}";
}

TEST(TokenizerSpeed, NineMegabytesLoadInAThirdOfASecond) {
  const Synthetic synthetic = MakeSynthetic(128000, 280000, 7);
  for (const bool pairs : {false, true}) {
    const std::string json = ToJson(synthetic, pairs);
    EXPECT_GT(json.size(), 8u << 20);
    double best = 1e9;
    for (int i = 0; i < 5; ++i) {
      const double start = CpuSeconds();
      const auto tokenizer = Tokenizer::Parse(json, "synthetic");
      best = std::min(best, CpuSeconds() - start);
      ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
      EXPECT_EQ((*tokenizer)->vocab_size(), 128000);
    }
    RecordProperty(pairs ? "load_ms_pairs" : "load_ms_strings", static_cast<int>(best * 1e3));
    std::printf("load of %.1f MB: %.0f ms\n", static_cast<double>(json.size()) * 1e-6, best * 1e3);
    EXPECT_TRUE(LACUNA_SLOW_BUILD || best < 0.3) << best << " s";
  }
}

// Seconds to encode `text`, the best of three.
double EncodeTime(const Tokenizer& tokenizer, const std::string& text) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const double start = CpuSeconds();
    const auto ids = tokenizer.Encode(text);
    best = std::min(best, CpuSeconds() - start);
    EXPECT_TRUE(ids.ok());
  }
  return best;
}

TEST(TokenizerSpeed, EncodingIsNotQuadratic) {
  const auto tokenizer = Tokenizer::Parse(ToJson(MakeSynthetic(4000, 8000, 11), false), "synthetic");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  std::mt19937 random(5);
  std::string word, spaces;
  for (int i = 0; i < 1 << 20; ++i) word += static_cast<char>('a' + random() % 26);
  spaces.assign(1 << 20, ' ');
  for (const std::string& text : {word, std::string(1 << 20, 'a'), spaces, spaces + "a", "a" + spaces + "\n"}) {
    const double quarter = EncodeTime(**tokenizer, text.substr(0, text.size() / 4));
    const double whole = EncodeTime(**tokenizer, text);
    std::printf("%.0f ms for 1 MB of '%c'\n", whole * 1e3, text[0]);
    // Quadratic would be 16 times the quarter's; n log n with colder caches is about 5.
    EXPECT_LT(whole, 10 * quarter + 0.01);
    EXPECT_TRUE(LACUNA_SLOW_BUILD || whole < 3) << whole << " s";
  }
}

}  // namespace
}  // namespace lacuna
