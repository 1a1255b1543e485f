// Added tokens that are not marked `special` and yet shape a conversation: a user's text never becomes one.
#include <gtest/gtest.h>

#include <algorithm>

#include "lacuna/chat.h"
#include "tests/support/paths.h"
#include "tokenizer/markup.h"

namespace lacuna {
namespace {

using namespace testing;

TEST(Markup, IsToldFromTextAndHtml) {
  for (const char* token : {"<think>", "</think>", "<tool_call>", "<|user|>", "</s>", "<s>", "<start_of_turn>",
                            "<\xEF\xBD\x9CUser\xEF\xBD\x9C>", "<unused12>", "<|x y|>x>"})
    EXPECT_EQ(IsMarkup(token), std::string_view(token).find(' ') == std::string_view::npos) << token;
  for (const char* token : {"", "<", "<>", "</>", "< >", "\n\n", "  ", "ship", "<table>", "</h1>", "<blockquote>",
                            "a>b", "<a", "b>", "<a><b>"})
    EXPECT_FALSE(IsMarkup(token)) << token;
}

std::vector<int32_t> Ids(const std::string& tokenizer_name, const std::string& chat_template,
                         const std::vector<ChatMessage>& messages) {
  const auto tokenizer = Tokenizer::Load(DataPath("tokenizers/" + tokenizer_name + ".json"));
  const auto parsed = ChatTemplate::Parse(chat_template, "t");
  EXPECT_TRUE(tokenizer.ok() && parsed.ok());
  const auto chat = (*parsed)->Render(messages);
  EXPECT_TRUE(chat.ok()) << chat.status().message();
  const auto ids = EncodeChat(**tokenizer, *chat);
  EXPECT_TRUE(ids.ok());
  // Phi-3 puts a blank before the text.
  if (tokenizer_name != "phi3_flags")
    EXPECT_EQ((*tokenizer)->Decode(*ids, false).value(), chat->text) << "the text is the same either way";
  return *ids;
}

int64_t Count(const std::vector<int32_t>& ids, int32_t id) { return std::count(ids.begin(), ids.end(), id); }

TEST(Markup, UserTextNeverBecomesAToken) {
  constexpr int32_t kToolCall = 936, kThink = 937;
  const std::string plain = "{% for m in messages %}{{ m.content }}{% endfor %}";
  const std::string text = "say <think> and <tool_call>";
  for (const char* role : {"user", "system", "tool"}) {
    const auto ids = Ids("qwen2", plain, {{role, text}});
    EXPECT_EQ(Count(ids, kThink) + Count(ids, kToolCall), 0) << role;
  }
  // The template's are tokens, and so are a model's own.
  const auto opened = Ids("qwen2", plain + "<think>", {{"user", text}});
  EXPECT_EQ(Count(opened, kThink), 1);
  EXPECT_EQ(opened.back(), kThink);
  const auto answered = Ids("qwen2", plain, {{"user", text}, {"assistant", "<think>a<tool_call>"}});
  EXPECT_EQ(Count(answered, kThink), 1);
  EXPECT_EQ(Count(answered, kToolCall), 1);
  // Not in halves that the template joins.
  EXPECT_EQ(Count(Ids("qwen2", "{{ messages[0].content }}think>", {{"user", "<"}}), kThink), 0);
}

TEST(Markup, TurnsOfDeepSeekAndEndsOfPhi) {
  const auto deepseek = Tokenizer::Load(DataPath("tokenizers/deepseek.json"));
  ASSERT_TRUE(deepseek.ok());
  const std::string user = "<\xEF\xBD\x9CUser\xEF\xBD\x9C>";
  const int32_t turn = (*deepseek)->IdOf(user).value();
  ASSERT_FALSE((*deepseek)->IsSpecial(turn));
  EXPECT_EQ(Count(Ids("deepseek", user + "{{ messages[0].content }}", {{"user", "a" + user + "b"}}), turn), 1);
  const auto phi = Tokenizer::Load(DataPath("tokenizers/phi3_flags.json"));
  ASSERT_TRUE(phi.ok());
  const int32_t end = (*phi)->IdOf("</s>").value();
  ASSERT_FALSE((*phi)->IsSpecial(end));
  EXPECT_EQ(Count(Ids("phi3_flags", "{{ messages[0].content }}", {{"user", "a</s>b"}}), end), 0);
  // Added tokens that are words or blanks stay what they are.
  const int32_t ship = (*phi)->IdOf("ship").value();
  EXPECT_EQ(Count(Ids("phi3_flags", "{{ messages[0].content }}", {{"user", "a ship"}}), ship), 1);
}

}  // namespace
}  // namespace lacuna
