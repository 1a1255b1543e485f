// Task files: what make_tasks.py writes is read, and anything else is one error with file and line.
#include <gtest/gtest.h>

#include "compress/strip.h"
#include "lacuna/tasks.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using testing::TempDir;

constexpr const char* kGood =
    R"({"id": "who-0-1", "task": "who", "length": 256, "messages": [{"role": "user", "content": "Ann sat. Who?"}], "answer": "Ann", "more": 1})";

TEST(TaskFile, ReadsItems) {
  const std::string text = std::string(kGood) + "\n\n" +
                           R"({"id":"b","task":"say","depth":0.25,"messages":[{"role":"user","content":"ä"},)" +
                           R"({"role":"assistant","content":""},{"role":"user","content":"?"}],"answer":" x"})" +
                           "\r\n";
  const auto items = ParseTasks(text, "t.jsonl");
  ASSERT_TRUE(items.ok()) << items.status().message();
  ASSERT_EQ(items->size(), 2u);
  const TaskItem& a = (*items)[0];
  EXPECT_EQ(a.id, "who-0-1");
  EXPECT_EQ(a.task, "who");
  EXPECT_EQ(a.length, 256);
  EXPECT_FALSE(a.depth);
  EXPECT_EQ(a.messages[0].role, "user");
  EXPECT_EQ(a.messages[0].content, "Ann sat. Who?");
  EXPECT_EQ(a.answer, "Ann");
  const TaskItem& b = (*items)[1];
  EXPECT_EQ(b.length, 0);
  EXPECT_EQ(*b.depth, 0.25);
  EXPECT_EQ(b.messages.size(), 3u);
  EXPECT_EQ(b.answer, " x");
}

TEST(TaskFile, ConversationsCheckedInOtherWaysArePassedOver) {
  const auto items = ParseTasks(R"({"id":"p","turns":["Hello"],"check":{"ends":true}})", "prompts.jsonl");
  ASSERT_TRUE(items.ok()) << items.status().message();
  EXPECT_TRUE(items->empty());
}

TEST(TaskFile, BrokenLinesAreNamed) {
  struct Bad {
    const char* line;
    const char* says;
  };
  const Bad cases[] = {
      {"{", "line 2"},
      {"[1]", "line 2"},
      {"null", "line 2"},
      {R"({"task":"t","messages":[{"role":"user","content":"x"}],"answer":"y"})", "id"},
      {R"({"id":"a","messages":[{"role":"user","content":"x"}],"answer":"y"})", "task"},
      {R"({"id":"a","task":"","messages":[{"role":"user","content":"x"}],"answer":"y"})", "task"},
      {R"({"id":"a","task":"t","answer":"y"})", "messages"},
      {R"({"id":"a","task":"t","messages":[],"answer":"y"})", "messages"},
      {R"({"id":"a","task":"t","messages":"x","answer":"y"})", "messages"},
      {R"({"id":"a","task":"t","messages":[3],"answer":"y"})", "message 0"},
      {R"({"id":"a","task":"t","messages":[{"role":"user"}],"answer":"y"})", "content"},
      {R"({"id":"a","task":"t","messages":[{"role":1,"content":"x"}],"answer":"y"})", "role"},
      {R"({"id":"a","task":"t","messages":[{"role":"user","content":"x"}]})", "answer"},
      {R"({"id":"a","task":"t","messages":[{"role":"user","content":"x"}],"answer":""})", "answer"},
      {R"({"id":"a","task":"t","length":-1,"messages":[{"role":"user","content":"x"}],"answer":"y"})", "length"},
      {R"({"id":"a","task":"t","length":"9","messages":[{"role":"user","content":"x"}],"answer":"y"})", "length"},
      {R"({"id":"a","task":"t","depth":1.5,"messages":[{"role":"user","content":"x"}],"answer":"y"})", "depth"},
      {"{\"id\":\"a\xff\"}", "line 2"},
      {R"({"id":"a"} {"id":"b"})", "line 2"},
  };
  for (const Bad& bad : cases) {
    const auto items = ParseTasks(std::string(kGood) + "\n" + bad.line + "\n" + kGood, "bad.jsonl");
    ASSERT_FALSE(items.ok()) << bad.line;
    EXPECT_EQ(items.status().code(), StatusCode::kInvalidInput);
    EXPECT_EQ(items.status().message().find("bad.jsonl, line 2"), 0u) << items.status().message();
    EXPECT_NE(items.status().message().find(bad.says), std::string::npos) << items.status().message();
  }
  const std::string deep(100000, '[');
  EXPECT_FALSE(ParseTasks(deep, "deep").ok());
}

TEST(TaskFile, FoldersAreReadByName) {
  const TempDir folder;
  std::string other = kGood;
  other.replace(other.find("who-0-1"), 7, "first-1");
  folder.Write("b.jsonl", kGood);
  folder.Write("a.jsonl", other + "\n");
  folder.Write("baselines.json", "{");
  const auto items = LoadTasks(folder.path());
  ASSERT_TRUE(items.ok()) << items.status().message();
  ASSERT_EQ(items->size(), 2u);
  EXPECT_EQ((*items)[0].id, "first-1");
  folder.Write("c.jsonl", "no");
  const auto broken = LoadTasks(folder.path());
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.status().message().find("c.jsonl, line 1"), std::string::npos) << broken.status().message();
  EXPECT_FALSE(LoadTasks(folder.path() + "/none").ok());
}

// str.strip() of Python.
TEST(Strip, WhiteSpaceAtTheEnds) {
  EXPECT_EQ(Strip(""), "");
  EXPECT_EQ(Strip(" \n\t\x1c "), "");
  EXPECT_EQ(Strip("  a b \n"), "a b");
  EXPECT_EQ(Strip("\u00a0\u2003ä\u3000"), "ä");
  EXPECT_EQ(Strip("\u200bx"), "\u200bx");
}

}  // namespace
}  // namespace lacuna
