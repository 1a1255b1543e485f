// Regular expressions: Oniguruma's meaning, and limits. Expectations are from the `tokenizers` package.
#include "tokenizer/regex.h"

#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

namespace lacuna {
namespace {

// The segments of `text`, matches in [brackets].
std::string Cut(const std::string& pattern, const std::string& text) {
  const auto regex = Regex::Compile(pattern, "test");
  if (!regex.ok()) return "error: " + regex.status().message();
  std::vector<Segment> segments;
  const Status status = regex->Find(text, segments);
  if (!status.ok()) return "error: " + status.message();
  std::string out;
  for (const Segment& s : segments) {
    if (s.is_match) out += '[';
    out += text.substr(s.begin, s.end - s.begin);
    if (s.is_match) out += ']';
  }
  return out;
}

TEST(Regex, OnigurumasMeaning) {
  EXPECT_EQ(Cut(R"(\d{1,2}+)", "a12345b"), "a[12345]b");  // not possessive
  EXPECT_EQ(Cut(R"(\d{1,2})", "a12345b"), "a[12][34][5]b");
  EXPECT_EQ(Cut(R"((?:ab){2}+c)", "ababababc"), "[ababababc]");
  EXPECT_EQ(Cut(R"(a++a)", "aaa"), "aaa");            // possessive
  EXPECT_EQ(Cut(R"(xa{2}?)", "xaa x"), "[xaa] [x]");  // optional
  EXPECT_EQ(Cut(R"(a{,2})", "aaa"), "[aa][a]");
  EXPECT_EQ(Cut(R"(a{x)", "a{x"), "[a{x]");
  EXPECT_EQ(Cut(R"(\h+)", "xyzaf09 g"), "xyz[af09] g");
  EXPECT_EQ(Cut(R"([\h_]+)", "g_a "), "g[_a] ");
  EXPECT_EQ(Cut(R"([a[bc]]+)", "xabcd"), "x[abc]d");
  EXPECT_EQ(Cut(R"([^a[bc]]+)", "xabcd"), "[x]abc[d]");
  EXPECT_EQ(Cut(R"([]a]+)", "x]a"), "x[]a]");
  EXPECT_EQ(Cut(R"(^a)", "a\nab"), "[a]\n[a]b");  // always by lines
  EXPECT_EQ(Cut(R"(.+)", "a\nb"), "[a]\n[b]");
  EXPECT_EQ(Cut(R"((?m:.+))", "a\nb"), "[a\nb]");
  EXPECT_EQ(Cut(R"(a(?i)b|c)", "aB aC c"), "[aB] [aC] c");
  EXPECT_EQ(Cut(R"((?i:'s|'t))", "x'S'\u017F"), "x['S]['\u017F]");
  EXPECT_EQ(Cut(R"(\s+)", "a\u180Eb\u3000\u0085 c"), "a\u180Eb[\u3000\u0085 ]c");
  EXPECT_EQ(Cut(R"(\w+)", "e\u0301\u00b2_\u200d"), "[e\u0301\u00b2_]\u200d");
  EXPECT_EQ(Cut(R"([\w]+)", "a\u00b2"), "[a]\u00b2");
  EXPECT_EQ(Cut(R"(\p{Han}+)", "\u4e2d\u3002"), "[\u4e2d]\u3002");  // the script, not its extensions
  EXPECT_EQ(Cut(R"(\p{Letter}\p{^L}\P{L})", "a1 b"), "[a1 ]b");
  EXPECT_EQ(Cut(R"(\p{L}+)", "\U00031350\U0002EBF0"), "[\U00031350\U0002EBF0]");  // Unicode 15 and 15.1
  EXPECT_EQ(Cut(R"([^\s\p{L}]+)", "\U00031350+"), "\U00031350[+]");
  EXPECT_EQ(Cut(R"([[:punct:]]+)", "a$!\u20ac"), "a[$!\u20ac]");
  EXPECT_EQ(Cut(R"([[:^alpha:]_]+)", "a1_b"), "a[1_]b");
  EXPECT_EQ(Cut("\\u0061", "bab"), "b[a]b");
  EXPECT_EQ(Cut(R"(a(?#comment)b)", "ab"), "[ab]");
  EXPECT_EQ(Cut("[\\r\\n]+|\\t\\v", "\r\n\t\v"), "[\r\n][\t\v]");
}

TEST(Regex, EmptyMatches) {
  EXPECT_EQ(Cut("x*", "axb"), "[]a[x]b[]");
  EXPECT_EQ(Cut("a?", "\u4e2d"), "[]\u4e2d[]");
  EXPECT_EQ(Cut("(?=b)", "abb"), "a[]b[]b");
}

TEST(Regex, WindowsDoNotShow) {  // the search goes on in steps
  for (const size_t n : {0, 1, 62, 63, 64, 65, 127, 128, 129, 1000}) {
    std::string text;
    for (size_t i = 0; i < n; ++i) text += "\u4e2d";
    EXPECT_EQ(Cut("b", text + "b"), text + "[b]");
    EXPECT_EQ(Cut("b", text), text);
  }
}

TEST(Regex, RefusesWhatItCannotTranslate) {
  for (const char* pattern : {"[a-c&&[b]]",    "[a[^b]]", "(",        ")",        "[a",    "(*LIMIT_MATCH=1)",
                              "(?C1)",         "(?s).",   "(?P<n>a)", "a**",      "\\",    "[\\W]",
                              "\\p{Nonsense}", "\\p",     "\\p{L",    "\\p{L\n}", "\\u12", "\\C",
                              "[b-a]",         "(?",      "(?i",      "(?#",      "(?<",   "[[:nothing:]]",
                              "x{2,1}"}) {
    const std::string cut = Cut(pattern, "abc");
    EXPECT_TRUE(cut.starts_with("error: test: the regular expression")) << pattern << " gives " << cut;
  }
  EXPECT_TRUE(Cut(std::string(70000, 'a'), "a").starts_with("error"));
  EXPECT_TRUE(Cut(std::string(5000, '(') + std::string(5000, ')'), "a").starts_with("error"));
  EXPECT_TRUE(Cut(std::string(1000, '['), "a").starts_with("error"));
}

double CpuSeconds() {
  timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

TEST(Regex, CatastrophesAreErrors) {
  const double start = CpuSeconds();
  const std::string many(100000, 'a');
  // Exponential from one start; quadratic and worse over all starts. [^a] because PCRE2 looks for a literal first.
  for (const char* pattern : {"(a+)+[^a]", "(?:a*)*[^a]", "a*a*a*[^a]", "a{0,500}a{0,500}[^a]"}) {
    const std::string cut = Cut(pattern, many);
    EXPECT_NE(cut.find("too much backtracking"), std::string::npos) << pattern << " gives " << cut.substr(0, 100);
  }
  EXPECT_LT(CpuSeconds() - start, 60);
}

TEST(Regex, LongRunsAreNot) {
  const std::string run(3 << 20, ' ');
  const char kGpt2[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
  const std::string expected = '[' + run.substr(1) + "][ a]";
  EXPECT_EQ(Cut(kGpt2, run + "a"), expected);
  const char kQwen[] =
      R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
  EXPECT_EQ(Cut(kQwen, run + "a"), expected);
  const std::string letters(3 << 20, 'x');
  EXPECT_EQ(Cut(kQwen, letters), '[' + letters + ']');
}

}  // namespace
}  // namespace lacuna
