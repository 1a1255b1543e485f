// The parts of `lacuna chat` that need no model.
#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "tools/chat_commands.h"
#include "tools/conversation.h"
#include "tools/reasoning.h"

namespace lacuna::tools {
namespace {

// [..] stands around thinking.
std::string Split(const std::vector<std::string>& pieces, bool thinking = false) {
  std::string out;
  bool inside = false;
  ReasoningSplitter splitter(thinking, [&](std::string_view text, bool now) {
    if (now != inside) out += now ? "[" : "]";
    inside = now;
    out += text;
  });
  for (const std::string& piece : pieces) splitter.Push(piece);
  splitter.Finish();
  return out + (inside ? "]" : "");
}

TEST(Reasoning, BlocksAreToldFromTheAnswer) {
  EXPECT_EQ(Split({"plain"}), "plain");
  EXPECT_EQ(Split({"<think>\nhm\n</think>\n\nyes"}), "[hm\n]yes");
  EXPECT_EQ(Split({"hm</think>yes"}, true), "[hm]yes");
  EXPECT_EQ(Split({"a<thin", "ker> b"}), "a<thinker> b");
  EXPECT_EQ(Split({"a <think> b"}), "a [b]");
  EXPECT_EQ(Split({"<thi"}), "<thi");
  EXPECT_EQ(Split({"x</think>y"}), "x</think>y");
  // However it is cut.
  const std::string whole = "<think>one</think>two<think>three</think>four";
  std::vector<std::string> letters;
  for (const char c : whole) letters.emplace_back(1, c);
  EXPECT_EQ(Split(letters), Split({whole}));
  EXPECT_EQ(Split({whole}), "[one]two[three]four");
}

TEST(ChatCommands, PathsAndWordsAreNoCommands) {
  EXPECT_TRUE(IsChatCommand("/exit"));
  EXPECT_TRUE(IsChatCommand("/read a file"));
  EXPECT_TRUE(IsChatCommand("/unknown"));
  for (const char* text : {"", "/", "exit", "/usr/bin", "/Read", "/* comment", "a /exit"})
    EXPECT_FALSE(IsChatCommand(text)) << text;
}

TEST(ChatCommands, Completion) {
  EXPECT_EQ(CompleteChat("/he"), (std::vector<std::string>{"/help"}));
  EXPECT_EQ(CompleteChat("/re"), (std::vector<std::string>{"/regen", "/read"}));
  EXPECT_TRUE(CompleteChat("").empty());
  EXPECT_TRUE(CompleteChat("hello").empty());
  const lacuna::testing::TempDir dir;
  dir.Write("one.txt", "");
  dir.Write("o*[", "");
  EXPECT_EQ(CompleteChat("/read " + dir.path() + "/on"), (std::vector<std::string>{dir.File("one.txt")}));
  EXPECT_EQ(CompleteChat("/read " + dir.path() + "/o*"), (std::vector<std::string>{dir.File("o*[")}));
  EXPECT_TRUE(CompleteChat("/system " + dir.path() + "/o").empty());
}

TEST(Messages, JsonThereAndBack) {
  const std::vector<ChatMessage> messages = {{"system", "a\n\"b\""}, {"user", "\xC3\xBC"}, {"assistant", ""}};
  const auto back = MessagesFromJson(MessagesToJson(messages), "file");
  ASSERT_TRUE(back.ok()) << back.status().message();
  ASSERT_EQ(back->size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*back)[i].role, messages[i].role);
    EXPECT_EQ((*back)[i].content, messages[i].content);
  }
  for (const char* bad : {"", "[]", "{}", R"({"messages": {}})", R"({"messages": [1]})",
                          R"({"messages": [{"role": "a"}]})", R"({"messages": [{"role": 1, "content": "x"}]})"}) {
    const auto messages_or = MessagesFromJson(bad, "file");
    ASSERT_FALSE(messages_or.ok()) << bad;
    EXPECT_EQ(messages_or.status().code(), StatusCode::kInvalidInput);
    EXPECT_EQ(messages_or.status().message().rfind("file", 0), 0u);
  }
}

}  // namespace
}  // namespace lacuna::tools
