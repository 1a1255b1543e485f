// Chat templates against what Jinja makes of them (scripts/make_template_cases.py), and what hostile ones may not do.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "lacuna/chat.h"
#include "tests/support/paths.h"
#include "tests/support/read_all.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::ordered_json;

const ordered_json& Cases() {
  static const ordered_json cases = ordered_json::parse(ReadAll(DataPath("templates/cases.json")));
  return cases;
}

ChatTemplate::SpecialTokens Tokens() {
  ChatTemplate::SpecialTokens tokens;
  for (const auto& [name, text] : Cases()["special_tokens"].items()) tokens.emplace_back(name, text.get<std::string>());
  return tokens;
}

std::string RenderText(const std::string& source, const std::string& conversation = R"({"messages": []})",
                       const ChatOptions& options = {}) {
  const auto parsed = ChatTemplate::Parse(source, "t", Tokens());
  if (!parsed.ok()) return "error: " + parsed.status().message();
  const auto chat = (*parsed)->Render(conversation, options);
  return chat.ok() ? chat->text : "error: " + chat.status().message();
}

void CheckSpans(const RenderedChat& chat) {
  size_t at = 0;
  for (const TextSpan& span : chat.from_input) {
    EXPECT_GE(span.begin, at);
    EXPECT_LT(span.begin, span.end);
    EXPECT_LE(span.end, chat.text.size());
    at = span.end + 1;
  }
}

void CheckTemplate(const std::string& source, const std::string& name, const ordered_json& table) {
  const auto parsed = ChatTemplate::Parse(source, name, Tokens());
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  for (const auto& [conversation, expected] : table.items()) {
    for (const bool prompt : {true, false}) {
      SCOPED_TRACE(name + ", conversation \"" + conversation + "\"" + (prompt ? "" : ", no generation prompt"));
      ChatOptions options;
      options.add_generation_prompt = prompt;
      const auto chat = (*parsed)->Render(Cases()["conversations"][conversation].dump(), options);
      const ordered_json& want = !prompt && expected.contains("without") ? expected["without"] : expected["with"];
      if (want.contains("error")) {
        ASSERT_FALSE(chat.ok()) << "Jinja says: " << want["error"];
        EXPECT_EQ(chat.status().code(), StatusCode::kInvalidInput);
        EXPECT_NE(chat.status().message().find(name + ": line "), std::string::npos) << chat.status().message();
      } else {
        ASSERT_TRUE(chat.ok()) << chat.status().message();
        EXPECT_EQ(chat->text, want["text"].get<std::string>());
        CheckSpans(*chat);
      }
    }
  }
}

TEST(ChatTemplate, OwnTemplatesEqualJinja) {
  ASSERT_GE(Cases()["own"].size(), 5u);
  for (const auto& [name, table] : Cases()["own"].items()) {
    CheckTemplate(ReadAll(DataPath("templates/" + name + ".jinja")), name, table);
  }
}

TEST(ChatTemplate, RealTemplatesEqualJinja) {
  LACUNA_NEEDS_SHARED_DATA();
  ASSERT_EQ(Cases()["shared"].size(), 3u);
  for (const auto& [name, table] : Cases()["shared"].items()) {
    CheckTemplate(ReadAll(SharedData() + "/templates/" + name + ".jinja"), name, table);
  }
}

TEST(ChatTemplate, SnippetsEqualJinja) {
  const std::string conversation = Cases()["conversations"]["system"].dump();
  ASSERT_GT(Cases()["snippets"].size(), 100u);
  for (const ordered_json& snippet : Cases()["snippets"]) {
    const auto source = snippet["template"].get<std::string>();
    SCOPED_TRACE(source);
    const std::string text = RenderText(source, conversation);
    if (snippet.contains("error")) {
      EXPECT_EQ(text.rfind("error: t: line 1: ", 0), 0u) << text << "; Jinja says: " << snippet["error"];
    } else {
      EXPECT_EQ(text, snippet["text"].get<std::string>());
    }
  }
}

TEST(ChatTemplate, ErrorsNameTheLine) {
  EXPECT_EQ(RenderText("a\n\n{{ 1 +\n 'x' }}").rfind("error: t: line 3: ", 0), 0u);
  EXPECT_EQ(RenderText("{# a\n\n #}\n{% if 1 %}\n{{ nothing.x }}{% endif %}"),
            "error: t: line 5: 'nothing' is undefined");
  EXPECT_EQ(RenderText("\n{% if 1 %}\n{% for x in [] %}\n").rfind("error: t: line 3: ", 0), 0u);
  EXPECT_NE(RenderText("{% macro m() %}\n{{ raise_exception('a reason') }}{% endmacro %}\n\n{{ m() }}")
                .find("line 2: the template refuses: a reason"),
            std::string::npos);
  EXPECT_NE(RenderText("x\n{{ 'a' | nofilter }}").find("line 2: unknown filter 'nofilter'"), std::string::npos);
}

// Every one of these would take hours or gigabytes.
TEST(ChatTemplate, HostileTemplatesStop) {
  ChatOptions options;
  options.max_steps = 2'000'000;  // a tenth of the usual, so that sanitizers need not wait
  const std::string deep_call = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
  for (const std::string& source : std::vector<std::string>{
           "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
           "{{ 'a' * 999999999999 }}",
           "{{ ('a' * 1000000) * 1000000 }}",
           "{{ [0] * 9999999999 }}",
           "{{ 'x'.center(99999999999) }}",
           "{{ '%99999999999d' % 1 }}",
           "{{ '{:99999999999}'.format(1) }}",
           "{{ 'a' | indent(99999999999, true) }}",
           "{{ [1] | tojson(indent=999999999) }}",
           "{% set ns = namespace(s='ab') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
           "{% set ns = namespace(s=[1]) %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
           "{% set ns = namespace(s=[1]) %}{% for i in range(999) %}{% set ns.s = [ns.s] %}{% endfor %}",
           "{% set ns = namespace(s=[1]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
           "{% set ns = namespace(s=[1]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s == "
           "ns.s }}",
           "{% set ns = namespace(s=[1]) %}{% for i in range(90) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s | "
           "tojson }}",
           "{% set ns = namespace(s='ab') %}{% for i in range(9999) %}{% set ns.s = ns.s.replace('a', 'aa') %}{% "
           "endfor %}",
           deep_call,
           "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
           "{{ 2 ** 99 }}",
           "{{ 9223372036854775807 + 1 }}",
           "{{ " + std::string(100000, '('),
           "{{ " + std::string(10000, '[') + std::string(10000, ']') + " }}",
           "{{ " + std::string(100000, '-') + "1 }}",
           "{{ 1" + std::string(5000, '+') + "1 }}",
           "{% if 1 %}" + std::string(1 << 20, 'x'),
           std::string((1 << 20) + 1, 'x')}) {
    SCOPED_TRACE(source.substr(0, 80));
    EXPECT_EQ(RenderText(source, R"({"messages": []})", options).rfind("error: t", 0), 0u);
  }
  std::string many_ifs, sum = "{{ 1";
  for (int i = 0; i < 5000; ++i) many_ifs += "{% if 1 %}", sum += " + 1";
  options.max_bytes = 100;
  EXPECT_EQ(RenderText("{{ 'a' * 101 }}", "[]", options).rfind("error: t: line 1: ", 0), 0u);
  EXPECT_EQ(RenderText("{{ 'a' * 100 }}", "[]", options), std::string(100, 'a'));
  EXPECT_EQ(RenderText(many_ifs).rfind("error: t", 0), 0u);
  EXPECT_EQ(RenderText(sum + " }}").rfind("error: t", 0), 0u);
}

TEST(ChatTemplate, NamespacesMayHoldThemselves) {
  EXPECT_EQ(RenderText(
                "{% set n = namespace() %}{% set n.n = n %}{% set n.l = [n, {'x': n}] %}{{ n.n.n.l[1].x.l | length }}"),
            "2");
}

TEST(ChatTemplate, ConversationsAreChecked) {
  const auto parsed = ChatTemplate::Parse("{{ messages | length }}", "t");
  ASSERT_TRUE(parsed.ok());
  for (const char* bad :
       {"", "{", "3", "{}", R"({"messages": 1})", R"({"messages": ["x"]})",
        R"({"messages": [], "x": 99999999999999999999})", R"({"messages": []} x)", "{\"messages\": [\"\xff\"]}"}) {
    const auto chat = (*parsed)->Render(bad);
    ASSERT_FALSE(chat.ok()) << bad;
    EXPECT_EQ(chat.status().code(), StatusCode::kInvalidInput);
    EXPECT_EQ(chat.status().message().rfind("the conversation", 0), 0u) << chat.status().message();
  }
  EXPECT_EQ((*parsed)->Render(R"([{"role": "user", "content": "x"}])")->text, "1");
  ChatOptions options;
  options.variables = "[]";
  EXPECT_FALSE((*parsed)->Render(R"([])", options).ok());
}

TEST(ChatTemplate, StructsAndVariables) {
  const auto parsed = ChatTemplate::Parse(
      "{% for m in messages %}{{ m.role }}={{ m.content }};{% endfor %}{{ add_generation_prompt }}{{ mood }}{{ "
      "strftime_now('%Y %f') }}",
      "t");
  ASSERT_TRUE(parsed.ok());
  const ChatMessage messages[] = {{"system", "a"}, {"user", "b\xff"}};
  ChatOptions options;
  options.variables = R"({"mood": 1.0})";
  options.now = 1780000000;
  const auto chat = (*parsed)->Render(messages, options);
  ASSERT_TRUE(chat.ok()) << chat.status().message();
  EXPECT_EQ(chat->text, "system=a;user=b\xEF\xBF\xBD;True1.02026 000000");
}

TEST(ChatTemplate, ReasoningHasItsOtherNames) {
  const std::string source = "{{ messages[0] | tojson }}{{ messages[0].thinking }}{{ messages[0].reasoning_content }}";
  EXPECT_EQ(RenderText(source, R"([{"role": "a", "reasoning": "r"}])"),
            R"({"thinking": "r", "role": "a", "reasoning": "r", "reasoning_content": "r"}rr)");
  EXPECT_EQ(RenderText(source, R"([{"role": "a", "thinking": null}])"), R"({"role": "a", "thinking": null}None)");
}

// ---------------------------------------------------------------------------------- where templates come from

TEST(ChatTemplateFiles, TheFileBeatsTheConfig) {
  const TempDir dir;
  const auto render = [&](const char* conversation = R"({"messages": []})") -> std::string {
    const auto loaded = ChatTemplate::Load(dir.path());
    if (!loaded.ok()) return "error: " + loaded.status().message();
    if (*loaded == nullptr) return "none";
    const auto chat = (*loaded)->Render(conversation);
    return chat.ok() ? chat->text : "error: " + chat.status().message();
  };
  const char* tools = R"({"messages": [], "tools": []})";
  EXPECT_EQ(render(), "none");
  dir.Write("tokenizer_config.json", R"({"bos_token": null})");
  EXPECT_EQ(render(), "none");
  dir.Write(
      "tokenizer_config.json",
      R"({"chat_template": "a{{ bos_token }}{{ eos_token }}", "bos_token": {"content": "<b>", "special": true}})");
  dir.Write("special_tokens_map.json", R"({"bos_token": "<x>", "eos_token": "<e>"})");
  EXPECT_EQ(render(), "a<b><e>");
  dir.Write("tokenizer_config.json",
            R"({"chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]})");
  EXPECT_EQ(render(), "d");
  EXPECT_EQ(render(tools), "t");
  dir.Write("tokenizer_config.json", R"({"chat_template": [{"name": "other", "template": "d"}]})");
  EXPECT_NE(render().find("none is named default"), std::string::npos);
  dir.Write("chat_template.jinja", "file\n\n");
  EXPECT_EQ(render(), "file\n");
  std::filesystem::create_directory(dir.File("additional_chat_templates"));
  dir.Write("additional_chat_templates/tool_use.jinja", "more");
  EXPECT_EQ(render(tools), "more");
  EXPECT_EQ(render(R"({"messages": [], "tools": null})"), "file\n");
  dir.Write("chat_template.jinja", "\n{{ x");
  EXPECT_NE(render().find("chat_template.jinja: line 2: "), std::string::npos) << render();
  dir.Write("chat_template.jinja", "\xff");
  EXPECT_NE(render().find("not UTF-8"), std::string::npos);
  std::filesystem::remove(dir.File("chat_template.jinja"));
  for (const char* bad :
       {R"({"chat_template": 3})", R"({"chat_template": []})", R"({"chat_template": [{"name": "x"}]})", "{",
        R"({"chat_template": "{{"})", R"({"chat_template": "a", "bos_token": 3})"}) {
    dir.Write("tokenizer_config.json", bad);
    EXPECT_EQ(render().rfind("error: " + dir.path() + "/tokenizer_config.json", 0), 0u) << render();
  }
}

// --------------------------------------------------------------------------------------------- input marking

std::shared_ptr<const Tokenizer> Load(const char* name) {
  const auto tokenizer = Tokenizer::Load(DataPath(std::string("tokenizers/") + name + ".json"));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().message();
  return *tokenizer;
}

std::vector<std::string> Specials(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  std::vector<std::string> specials;
  for (const int32_t id : ids) {
    // An <unk> may stand for a character that the vocabulary lacks.
    if (tokenizer.IsSpecial(id) && tokenizer.Piece(id) != "<unk>") specials.emplace_back(tokenizer.Piece(id));
  }
  return specials;
}

// Content may spell every special token, whole or in parts that the template completes: only those of the template
// come.
TEST(InputMarking, ContentNeverBecomesASpecialToken) {
  for (const char* name : {"gpt2", "gpt2_flags", "llama3", "qwen2", "o200k", "deepseek", "llama2", "phi3_flags",
                           "mistral", "metaspace", "punctuation"}) {
    SCOPED_TRACE(name);
    const auto tokenizer = Load(name);
    std::vector<std::string> specials;
    for (int32_t id = 0; id < tokenizer->vocab_size(); ++id) {
      if (tokenizer->IsSpecial(id)) specials.emplace_back(tokenizer->Piece(id));
    }
    ASSERT_FALSE(specials.empty());
    const std::string bos = specials.back();
    std::string content;
    for (const std::string& special : specials) content += special + " x" + special + "\n";
    const auto parsed = ChatTemplate::Parse(
        "{{ bos_token }}{{ messages[0].content }}{{ bos_token[:1] }}{{ messages[1].content }}{{ messages[0].content | "
        "upper | lower }}"
        "{{ messages | tojson }}{{ messages[0].content.split('x') }}{{ '%s' % messages[0].content }}{{ bos_token }}",
        "t", {{"bos_token", bos}});
    ASSERT_TRUE(parsed.ok());
    const ChatMessage messages[] = {{"user", content}, {"user", bos.substr(1)}};
    const auto chat = (*parsed)->Render(messages);
    ASSERT_TRUE(chat.ok()) << chat.status().message();
    const auto ids = EncodeChat(*tokenizer, *chat);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(Specials(*tokenizer, *ids), (std::vector<std::string>{bos, bos}));
    // Without the marks they would all be there.
    EXPECT_GT(Specials(*tokenizer, *tokenizer->Encode(chat->text, false)).size(), 2u);
  }
}

// Marks change nothing where the content has no special token: the ids are those of the whole text.
TEST(InputMarking, HarmlessContentKeepsItsIds) {
  for (const char* name :
       {"gpt2", "llama3", "qwen2", "deepseek", "llama2", "phi3_flags", "mistral", "metaspace", "punctuation"}) {
    SCOPED_TRACE(name);
    const auto tokenizer = Load(name);
    const auto parsed = ChatTemplate::Parse(ReadAll(DataPath("templates/plain.jinja")), "plain");
    ASSERT_TRUE(parsed.ok());
    const ChatMessage messages[] = {{"system", "Be  brief."},
                                    {"user", " the ship's gap\n\n 12345 \xC3\xA9\xF0\x9F\x98\x80"},
                                    {"assistant", "the gap"}};
    const auto chat = (*parsed)->Render(messages);
    ASSERT_TRUE(chat.ok());
    ASSERT_EQ(chat->from_input.size(), 3u);
    const auto ids = EncodeChat(*tokenizer, *chat), whole = tokenizer->Encode(chat->text, false);
    ASSERT_TRUE(ids.ok() && whole.ok());
    EXPECT_EQ(*ids, *whole);
  }
}

TEST(InputMarking, RolesOfTemplatesMayBuildTokens) {
  const auto tokenizer = Load("qwen2");
  const auto parsed =
      ChatTemplate::Parse("{% for m in messages %}{{ '<|im_' + m.role + '|>' }}{{ m.content }}{% endfor %}", "t");
  ASSERT_TRUE(parsed.ok());
  // "user" is the template's word; "start" would be the caller's way to a special token.
  const auto user = (*parsed)->Render(R"([{"role": "user", "content": "x"}])");
  ASSERT_TRUE(user.ok());
  EXPECT_EQ(user->from_input.size(), 1u);
  const auto start = (*parsed)->Render(R"([{"role": "start", "content": "x"}])");
  ASSERT_TRUE(start.ok());
  EXPECT_EQ(start->text, "<|im_start|>x");
  EXPECT_TRUE(Specials(*tokenizer, *EncodeChat(*tokenizer, *start)).empty());
  EXPECT_EQ(Specials(*tokenizer, *tokenizer->Encode(start->text)).size(), 1u);
}

TEST(InputMarking, MarksFollowInvalidBytes) {
  const auto tokenizer = Load("qwen2");
  const std::string text = "<|im_start|>\xff<|im_start|>\xff";
  const TextSpan span{13, text.size()};
  const auto ids = tokenizer->EncodeMarked(text, {&span, 1}, false);
  ASSERT_TRUE(ids.ok());
  EXPECT_EQ(Specials(*tokenizer, *ids).size(), 1u);
}

}  // namespace
}  // namespace lacuna
