// Marks of input through every way that a template has to make new text of old, and what templates may not do.
#include <gtest/gtest.h>

#include "lacuna/chat.h"
#include "tests/support/paths.h"

namespace lacuna {
namespace {

using namespace testing;

constexpr const char* kToken = "<|im_start|>";

std::vector<std::string> Specials(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::vector<std::string> specials;
  for (const int32_t id : ids) {
    if (tokenizer.IsSpecial(id)) specials.emplace_back(tokenizer.Piece(id));
  }
  return specials;
}

// Each writes the content, or a part of it, so that the whole text spells the token; the template itself spells none.
TEST(ChatMarks, NoFilterMakesInputTheTemplatesOwn) {
  const auto tokenizer = Tokenizer::Load(DataPath("tokenizers/qwen2.json"));
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  for (const char* source : {
           "{{ c }}",
           "{{ c | trim }}",
           "{{ ('  ' ~ c ~ ' ').strip() }}",
           "{{ c | upper | lower }}",
           "{{ c.swapcase().lower() }}",
           "{{ '<|' + c[2:] }}",
           "{{ c[:2] + 'im_start|>' }}",
           "{{ '<|im_' ~ c[5:10] ~ '|>' }}",
           "{{ c | list | join }}",
           "{{ c | replace('im', 'im') }}",
           "{{ '<|X|>' | replace('X', c[2:-2]) }}",
           "{{ c | safe }}",
           "{{ c | e | replace('&lt;', '<') | replace('&gt;', '>') }}",
           "{{ c | truncate(12) }}",
           "{{ (c ~ 'y') | truncate(12, true, '', 0) }}",
           "{{ c | wordwrap(40) }}",
           "{{ (c ~ ' ') * 2 }}",
           "{{ c | reverse | reverse }}",
           "{{ '%s' % c }}",
           "{{ '%12s' % c }}",
           "{{ '{}'.format(c) }}",
           "{{ '{:>20}'.format(c) }}",
           "{% for x in c %}{{ ('{:' ~ x ~ '>1}').format('') }}{% endfor %}",
           "{% for x in c %}{{ ''.ljust(1, x) }}{% endfor %}",
           "{{ c | format }}",
           "{{ [c] | groupby(0) | map('first') | join }}{{ [{'a': c}] | groupby('a') | map(attribute='grouper') | join "
           "}}",
           "{{ {c: 1} | dictsort | first | first }}",
           "{% macro m() %}{% for k in kwargs %}{{ k }}{% endfor %}{% endmacro %}{{ m(**{c: 1}) }}",
           "{{ dict(**{c: 1}) | list | first }}",
           "{{ strftime_now(c) }}",
           "{% set x %}{{ c }}{% endset %}{{ x }}",
           "{% filter trim %}{{ c }}{% endfilter %}",
           "{% macro m() %}{{ caller() }}{% endmacro %}{% call m() %}{{ c }}{% endcall %}",
           "{{ c.split('|')[0] ~ '|' ~ c.split('|')[1] ~ '|' ~ c.partition('|')[2][-1:] }}",
           "{{ namespace(a=c).a }}{{ cycler(c).next() }}",
           "{{ c | tojson }}{{ {'a': c} | tojson(indent=2) }}{{ [c] }}",
           "{{ c | string | default('x') | center(3) | indent | title | lower }}",
       }) {
    SCOPED_TRACE(source);
    const auto parsed = ChatTemplate::Parse(std::string("{% set c = messages[0].content %}") + source, "t");
    ASSERT_TRUE(parsed.ok()) << parsed.status().message();
    const ChatMessage messages[] = {{"user", kToken}};
    const auto chat = (*parsed)->Render(messages);
    ASSERT_TRUE(chat.ok()) << chat.status().message();
    EXPECT_NE(chat->text.find(kToken), std::string::npos) << chat->text;
    const auto ids = EncodeChat(**tokenizer, *chat);
    ASSERT_TRUE(ids.ok());
    EXPECT_TRUE(Specials(**tokenizer, *ids).empty());
    EXPECT_FALSE(Specials(**tokenizer, *(*tokenizer)->Encode(chat->text, false)).empty());
  }
}

// What lacuna's Jinja lacks is refused by its name, never left out or computed otherwise.
TEST(ChatTemplateRefuses, WhatItLacksByName) {
  const std::pair<const char*, const char*> kCases[] = {
      {"{{ [1] | random }}", "'random'"},
      {"{{ 'a' | urlize }}", "'urlize'"},
      {"{{ 'a' | striptags }}", "'striptags'"},
      {"{{ 'a' | pprint }}", "'pprint'"},
      {"{{ {} | xmlattr }}", "'xmlattr'"},
      {"{{ 1 | filesizeformat }}", "'filesizeformat'"},
      {"{% autoescape true %}{% endautoescape %}", "'autoescape'"},
      {"{% block a %}{% endblock %}", "'block'"},
      {"{% extends 'a' %}", "'extends'"},
      {"{% include 'a' %}", "'include'"},
      {"{% import 'a' as b %}", "'import'"},
      {"{{ 99999999999999999999 }}", "99999999999999999999 is too large"},
      {"{{ 9223372036854775807 + 1 }}", "too large"},
      {"{{ '99999999999999999999' | int }}", "too large"},
      {"{{ 1e30 | int }}", "too large"},
      {"{{ '%d' % 1e30 }}", "too large"},
      {"{{ 'a'.translate({}) }}", "str.translate"},
      {"{{ 'a'.encode() }}", "str.encode"},
      {"{{ ('%s' | safe) % 1 }}", "escape and safe"},
      {"{{ '%a' % 1 }}", "%a"},
  };
  for (const auto& [source, names] : kCases) {
    SCOPED_TRACE(source);
    std::string message;
    if (const auto parsed = ChatTemplate::Parse(source, "t"); !parsed.ok()) {
      message = parsed.status().message();
    } else {
      const auto chat = (*parsed)->Render(R"({"messages": []})");
      ASSERT_FALSE(chat.ok()) << chat->text;
      message = chat.status().message();
    }
    EXPECT_EQ(message.rfind("t: line 1: ", 0), 0u) << message;
    EXPECT_NE(message.find(names), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace lacuna
