// What GBNF reads, what texts follow it, and that errors name line and column.
#include <gtest/gtest.h>

#include "grammar/code_points.h"
#include "lacuna/grammar.h"

namespace lacuna {
namespace {

using Match = Grammar::Match;

Match MatchOf(const std::string& gbnf, const std::string& text) {
  const auto grammar = Grammar::Parse(gbnf, "g");
  EXPECT_TRUE(grammar.ok()) << grammar.status().message();
  if (!grammar.ok()) return Match::kNo;
  const auto match = (*grammar)->Test(text);
  EXPECT_TRUE(match.ok()) << match.status().message();
  return match.ok() ? *match : Match::kNo;
}

void Expect(const std::string& gbnf, std::vector<std::string> whole, std::vector<std::string> beginnings,
            std::vector<std::string> no) {
  for (const auto& t : whole) EXPECT_EQ(MatchOf(gbnf, t), Match::kWhole) << gbnf << "\n" << t;
  for (const auto& t : beginnings) EXPECT_EQ(MatchOf(gbnf, t), Match::kBeginning) << gbnf << "\n" << t;
  for (const auto& t : no) EXPECT_EQ(MatchOf(gbnf, t), Match::kNo) << gbnf << "\n" << t;
}

std::string Error(const std::string& gbnf) {
  const auto grammar = Grammar::Parse(gbnf, "g");
  return grammar.ok() ? "" : grammar.status().message();
}

TEST(Gbnf, LiteralsAlternativesAndGroups) {
  Expect("root ::= \"yes\" | \"no\"", {"yes", "no"}, {"", "y", "ye", "n"}, {"x", "yess", "yno"});
  Expect("root ::= (\"a\" | \"b\" \"c\") \"d\"", {"ad", "bcd"}, {"a", "b", "bc"}, {"bd", "cd"});
  Expect("root ::= \"\" | \"x\"", {"", "x"}, {}, {"xx"});
  Expect("root ::= |\n \"x\"", {"", "x"}, {}, {"xx"});
}

TEST(Gbnf, Repetition) {
  Expect("root ::= \"ab\"*", {"", "ab", "abab"}, {"a", "aba"}, {"b", "aa"});
  Expect("root ::= \"a\"+ \"b\"?", {"a", "aab"}, {""}, {"b", "abb"});
  Expect("root ::= \"a\"{2}", {"aa"}, {"", "a"}, {"aaa"});
  Expect("root ::= \"a\"{1,3} \"b\"", {"ab", "aaab"}, {"a", "aaa"}, {"b", "aaaa"});
  Expect("root ::= \"a\"{2,}", {"aa", "aaaaa"}, {"a"}, {"b"});
  Expect("root ::= \"a\"{0} \"b\"", {"b"}, {""}, {"a"});
  Expect("root ::= (\"a\"? \"b\"?)*", {"", "ab", "ba", "abba"}, {}, {"c"});
  Expect("root ::= ((\"a\"*)*)+ \"b\"", {"b", "aab"}, {"", "aa"}, {"c", "bb"});
  Expect("root ::= [ab]{3}{2}", {"aababb"}, {"aab"}, {"aababba"});
}

TEST(Gbnf, ClassesAreOfCharactersNotBytes) {
  Expect("root ::= [a-cx\\]^-]", {"a", "c", "x", "]", "^", "-"}, {""}, {"d", "ab"});
  Expect("root ::= [^a-c\\n]", {"d", "A", "é", "€", "😀", "\x7F"}, {"", "\xC3", "\xE2\x82", "\xF0\x9F\x98"},
         {"a", "\n", "\x80", "\xFF", "\xED\xA0\x80" /* a surrogate */, "\xC0\x80", "\xF4\x90\x80\x80"});
  Expect("root ::= [ぁ-ゟ]+", {"ひらがな"}, {"ひ\xE3\x82"}, {"カ", "a"});
  Expect("root ::= .", {"\n", "é"}, {""}, {"ab"});
  Expect("root ::= \"\\u00e9\\x41\\U0001F600\\n\\\\\\\"\"", {"éA😀\n\\\""}, {"éA"}, {"e"});
  Expect("root ::= \"é\"", {"é"}, {"\xC3"}, {"e"});
  Expect("root ::= [é]", {"é"}, {"\xC3"}, {"\xC3\xAA"});
}

TEST(Gbnf, RulesLayoutAndComments) {
  Expect("# lists\nroot ::=\n  (\"- \" item)+ # one or more\n\nitem ::= [^\\n]+ \"\\n\"", {"- a\n- bc\n"}, {"- a"},
         {"-a"});
  Expect("root ::= (\n \"a\" # first\n |\n \"b\"\n) \"c\"\r\nx_1-Y ::= \"q\"\n", {"ac", "bc"}, {"a"}, {"c"});
  Expect("root ::= expr\nexpr ::= term (\"+\" term)*\nterm ::= [0-9]+ | \"(\" expr \")\"\n", {"1", "1+2", "((1)+23)"},
         {"", "1+", "(1"}, {"+", "1++", "())"});
  Expect("root ::= \"a\" root \"b\" | \"c\"", {"c", "acb", "aaacbbb"}, {"aac", "aacb"}, {"ab", "acbb"});
  Expect("root ::= \"x\" root |", {"", "xxxx"}, {}, {"y"});
}

TEST(Gbnf, ErrorsNameLineAndColumn) {
  EXPECT_EQ(Error(""), "g:1:1: there is no rule 'root', from which the text starts");
  EXPECT_EQ(Error("a ::= \"x\"\n"), "g:2:1: there is no rule 'root', from which the text starts");
  EXPECT_EQ(Error("root ::= \"é\" item"), "g:1:14: there is no rule 'item'");
  EXPECT_EQ(Error("root ::= \"a\"\nroot ::= \"b\""), "g:2:1: the rule 'root' is defined twice");
  EXPECT_EQ(Error("root = \"a\""), "g:1:6: expected ::= after the rule's name, not '='");
  EXPECT_EQ(Error("root ::= \"a"), "g:1:12: the text in quotes is not closed on its line");
  EXPECT_EQ(Error("root ::= [a\n]"), "g:1:12: the class in brackets is not closed on its line");
  EXPECT_EQ(Error("root ::= [z-a]"), "g:1:11: the range of characters runs backwards");
  EXPECT_EQ(Error("root ::= []"), "g:1:10: the class in brackets has no character");
  EXPECT_EQ(Error("root ::= * \"a\""), "g:1:10: there is nothing before '*' that it could repeat");
  EXPECT_EQ(Error("root ::= \"a\"{,3}"), "g:1:14: expected a number in {m}, {m,} or {m,n}, not ','");
  EXPECT_EQ(Error("root ::= \"a\"{3,2}"), "g:1:13: expected {m,n} with m not above n");
  EXPECT_EQ(Error("root ::= \"a\"{99999}"), "g:1:14: repeated more than 10000 times");
  EXPECT_EQ(Error("root ::= (\"a\""), "g:1:14: expected ) for the group that begins here: 1:10");
  EXPECT_EQ(Error("root ::= \"a\" )"), "g:1:14: expected the end of the rule, not ')'");
  EXPECT_EQ(Error("root ::= \"\\q\"").substr(0, 7), "g:1:11:");
  EXPECT_EQ(Error("root ::= \"\\xZ1\"").substr(0, 7), "g:1:11:");
  EXPECT_EQ(Error("root ::= \"\\uD800\"").substr(0, 7), "g:1:11:");
  EXPECT_EQ(Error("root ::= <think>").substr(0, 7), "g:1:10:");
  EXPECT_EQ(Error("root ::= \xFF"), "g: the grammar is no valid UTF-8");
  EXPECT_EQ(Error(std::string("root\0", 5)).substr(0, 6), "g:1:5:");
}

TEST(Gbnf, LeftRecursionIsRefused) {
  EXPECT_EQ(Error("root ::= \"a\"\n\ne ::= e \"+\" \"1\" | \"1\"").substr(0, 32), "g:3:1: left recursion (e -> e): ");
  EXPECT_NE(Error("root ::= a\na ::= b \"x\"\nb ::= a | \"y\"").find("a -> b -> a"), std::string::npos);
  EXPECT_NE(Error("root ::= root"), "");
  EXPECT_NE(Error("root ::= \"x\"? root \"y\" | \"z\""), "");  // what stands before may be empty
  EXPECT_NE(Error("root ::= (\"x\"* root)* \"y\""), "");
  EXPECT_NE(Error("root ::= e e root | \"z\"\ne ::= \"\" | \"x\""), "");
  EXPECT_EQ(Error("root ::= \"x\" root | \"z\""), "");
}

TEST(Gbnf, SizeAndDepthAreBounded) {
  std::string groups = "root ::= ";
  for (int i = 0; i < 100'000; ++i) groups += "(";
  EXPECT_NE(Error(groups).find("groups inside each other"), std::string::npos);
  std::string large = "root ::= ";
  for (int i = 0; i < 300; ++i) large += "\"a\"{10000} ";
  EXPECT_NE(Error(large).find("too large"), std::string::npos);
  // A grammar may nest without end; texts are followed to a depth of a thousand.
  const std::string nest = "root ::= \"(\" root \")\" | \"x\"";
  EXPECT_EQ(MatchOf(nest, std::string(900, '(') + "x" + std::string(900, ')')), Match::kWhole);
  EXPECT_EQ(MatchOf(nest, std::string(1100, '(')), Match::kNo);
  EXPECT_EQ(MatchOf("root ::= \"x\" root | \"\"", std::string(100'000, 'x')), Match::kWhole);  // no nesting
}

TEST(Gbnf, TooManyReadingsAtOnceAreAnError) {
  std::string gbnf = "root ::= \"y\"";
  for (int i = 0; i < 20'000; ++i) gbnf += " | \"x" + std::to_string(i) + "\"";
  const auto grammar = Grammar::Parse(gbnf, "g");
  ASSERT_TRUE(grammar.ok()) << grammar.status().message();
  const auto match = (*grammar)->Test("x");
  ASSERT_FALSE(match.ok());
  EXPECT_NE(match.status().message().find("more ways at once"), std::string::npos);
}

TEST(CodePoints, Utf8SequencesCoverExactlyTheRanges) {
  const std::vector<std::vector<CodePointRange>> cases = {{{0, kLastCodePoint}},
                                                          {{'a', 'z'}},
                                                          {{0x7F, 0x80}},
                                                          {{0x7FF, 0x800}},
                                                          {{0xFFFF, 0x10000}},
                                                          {{0xD7F0, 0xE010}},
                                                          {{0x123, 0x4567}, {0x5000, 0x20000}},
                                                          {{0x10FFFF, 0x7FFFFFFF}}};
  for (const auto& ranges : cases) {
    const auto normal = Normalized(ranges);
    const auto sequences = Utf8Sequences(normal);
    std::vector<bool> has(kLastCodePoint + 1);
    for (const auto& [first, last] : normal) {
      for (uint32_t c = first; c <= last; ++c) has[c] = true;
    }
    for (uint32_t c = 0; c <= kLastCodePoint; ++c) {
      if (c >= 0xD800 && c <= 0xDFFF) continue;
      const auto own = Utf8Sequences({{c, c}});
      ASSERT_EQ(own.size(), 1u);
      int count = 0;
      for (const ByteSequence& s : sequences) {
        bool in = s.size() == own[0].size();
        for (size_t i = 0; in && i < s.size(); ++i) in = own[0][i].first >= s[i].first && own[0][i].first <= s[i].last;
        count += in;
      }
      ASSERT_EQ(count, has[c]) << c;
      if (c % 7 == 0 && c > 0x3000) c += 100;  // enough of the large planes
    }
  }
}

}  // namespace
}  // namespace lacuna
