// `lacuna chat` on a terminal: what is typed, and what a person then sees. The model is the built-in one with a chat
// template of the test's own.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/command.h"
#include "tests/support/temp_dir.h"
#include "tests/support/terminal.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;

constexpr const char* kTemplate =
    "{% for message in messages %}{{ message.role }}: {{ message.content | trim }}\n{% endfor %}"
    "{% if add_generation_prompt %}assistant:{% endif %}";

class ChatTerminal : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempDir;
    model_ = folder_->path() + "/model";
    std::filesystem::create_directory(model_);
    for (const auto& entry : std::filesystem::directory_iterator(LACUNA_SOURCE_DIR "/models/demo")) {
      if (!entry.is_regular_file()) continue;
      std::filesystem::create_symlink(entry.path(), model_ + "/" + entry.path().filename().string());
    }
    std::filesystem::remove(model_ + "/chat_template.jinja");
    folder_->Write("model/chat_template.jinja", kTemplate);
  }
  static void TearDownTestSuite() { delete folder_; }

  static std::string Arguments(const std::string& more) {
    return "chat -m " + Quote(model_) + " -s 1 --ignore-eos " + more;
  }
  // The conversation so far, by way of /save.
  json Saved(Terminal& terminal) {
    const std::string file = folder_->path() + "/saved.json";
    std::filesystem::remove(file);
    const size_t before = terminal.Text().size();
    terminal.Type("/save " + file + "\n");
    EXPECT_NE(terminal.WaitFor(" messages in ", before), std::string::npos) << terminal.Text();
    std::ifstream in(file);
    return json::parse(in, nullptr, false)["messages"];
  }
  // The end of an answer's timings: the next prompt comes then.
  size_t Answered(Terminal& terminal, size_t from = 0) { return terminal.WaitFor(" t/s ]\n>", from); }

  static inline TempDir* folder_ = nullptr;
  static inline std::string model_;
};

TEST_F(ChatTerminal, LinesAreEditedAndRemembered) {
  Terminal terminal(Arguments("-n 6"));
  ASSERT_NE(terminal.WaitFor("\n>"), std::string::npos) << terminal.Text();
  // hel|o, one to the left, l, to the front, "say ", and a letter deleted at the end.
  terminal.Type(
      "helox\x7f\x1b[D"
      "l\x01say \n");
  size_t at = terminal.WaitFor("> say hello\n");
  ASSERT_NE(at, std::string::npos) << terminal.Text();
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  // The line before comes back with the arrow, and a line may go on after a backslash.
  terminal.Type("\x1b[A\\\nand \xC3\xBC\n");
  ASSERT_NE(terminal.WaitFor("> say hello\\\n. and \xC3\xBC\n", at - 1), std::string::npos) << terminal.Text();
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  // Only new tokens were computed.
  EXPECT_NE(terminal.Text().find(" kept) | answer: 6 tokens"), std::string::npos) << terminal.Text();
  const json messages = Saved(terminal);
  ASSERT_EQ(messages.size(), 4u) << terminal.Text();
  EXPECT_EQ(messages[0]["content"], "say hello");
  EXPECT_EQ(messages[0]["role"], "user");
  EXPECT_EQ(messages[1]["role"], "assistant");
  EXPECT_EQ(messages[2]["content"], "say hello\nand \xC3\xBC");
  terminal.Type("\x04");
  EXPECT_EQ(terminal.Wait(), 0) << terminal.Text();
}

TEST_F(ChatTerminal, ControlCStopsTheAnswerAndLeavesAtThePrompt) {
  Terminal terminal(Arguments("--numerics f32"));
  size_t at = terminal.WaitFor("\n>");
  ASSERT_NE(at, std::string::npos) << terminal.Text();
  terminal.Type("tell me everything\n");
  at = terminal.WaitFor("tell me everything\n");
  ASSERT_NE(at, std::string::npos);
  ASSERT_NE(terminal.WaitFor(" ", at + 10), std::string::npos) << "the answer has begun";
  terminal.Interrupt();
  ASSERT_NE(terminal.WaitFor("[stopped]\n"), std::string::npos) << terminal.Text();
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  // What was said so far is part of the conversation.
  const json messages = Saved(terminal);
  ASSERT_EQ(messages.size(), 2u) << terminal.Text();
  EXPECT_FALSE(messages[1]["content"].get<std::string>().empty());
  terminal.Type("half a line\x03");
  EXPECT_EQ(terminal.Wait(), 130) << terminal.Text();
}

TEST_F(ChatTerminal, RegenAnswersAgain) {
  Terminal terminal(Arguments("-n 24 --temp 2"));
  size_t at = terminal.WaitFor("\n>");
  ASSERT_NE(at, std::string::npos) << terminal.Text();
  terminal.Type("/regen\n");
  ASSERT_NE(at = terminal.WaitFor("no answer yet", at), std::string::npos) << terminal.Text();
  terminal.Type("once\n");
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  const json first = Saved(terminal);
  terminal.Type("/re\tgen\n");  // completed to "/re", which /read and /regen share
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  const json second = Saved(terminal);
  ASSERT_EQ(first.size(), 2u);
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(first[0], second[0]);
  EXPECT_NE(first[1], second[1]) << "another draw";
  terminal.Type("/he\t\n");
  EXPECT_NE(terminal.WaitFor("answer the last message again", at), std::string::npos) << terminal.Text();
  terminal.Type("/clear\n/load " + folder_->path() + "/saved.json\n/stats\n/exit\n");
  EXPECT_EQ(terminal.Wait(), 0);
  EXPECT_NE(terminal.Text().find("[2 messages;"), std::string::npos) << terminal.Text();
}

TEST_F(ChatTerminal, OldestTurnsAreDroppedWhenTheContextIsFull) {
  Terminal terminal(Arguments("-c 160 -n 24 -sys 'Be kind.'"));
  size_t at = terminal.WaitFor("\n>");
  ASSERT_NE(at, std::string::npos) << terminal.Text();
  bool dropped = false;
  int turns = 0;
  for (; turns < 12 && !dropped; ++turns) {
    terminal.Type("a little ship sails over the sea\n");
    ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
    dropped = terminal.Text().find("[the context of 160 tokens is full: the oldest 2 messages are left out]") !=
              std::string::npos;
  }
  EXPECT_TRUE(dropped) << terminal.Text();
  const json messages = Saved(terminal);
  ASSERT_EQ(messages.size(), static_cast<size_t>(1 + 2 * turns));
  EXPECT_EQ(messages[0]["content"], "Be kind.");
  // A message that no context holds is refused, and the conversation goes on.
  std::string longer;
  for (int i = 0; i < 60; ++i) longer += " ship";
  terminal.Type(longer + longer + longer + "\n");
  ASSERT_NE(at = terminal.WaitFor("error: ", at), std::string::npos) << terminal.Text();
  terminal.Type("and then\n");
  ASSERT_NE(Answered(terminal, at), std::string::npos) << terminal.Text();
}

TEST_F(ChatTerminal, WithoutATerminalInputIsOneMessage) {
  const CommandResult r = RunLacuna(Arguments("-n 5"), "hello\n");
  EXPECT_EQ(r.exit_code, 0) << r.err;
  EXPECT_FALSE(r.out.empty());
  EXPECT_EQ(r.out.find("hello"), std::string::npos) << "only the answer";
  EXPECT_EQ(r.out.find('\x1b'), std::string::npos) << "no colors";
  const CommandResult same = RunLacuna(Arguments("-n 5 -st -p hello"));
  EXPECT_EQ(same.out, r.out);
  EXPECT_EQ(RunLacuna(Arguments("-sys a -sysf b")).exit_code, 2);
  EXPECT_EQ(RunLacuna(Arguments("-sysf " + Quote(folder_->path() + "/none"))).exit_code, 2);
  EXPECT_EQ(RunLacuna(Arguments("--reasoning some")).exit_code, 2);
}

TEST_F(ChatTerminal, RenderShowsTheTemplatesText) {
  const std::string file = folder_->Write("messages.json", R"({"messages": [{"role": "user", "content": " hi "}]})");
  const std::string render = "render -m " + Quote(model_) + " --messages ";
  EXPECT_EQ(RunLacuna(render + Quote(file)).out, "user: hi\nassistant:");
  EXPECT_EQ(RunLacuna(render + Quote(file) + " --no-generation-prompt").out, "user: hi\n");
  EXPECT_EQ(RunLacuna(render + "-", R"([{"role": "a", "content": "b"}])").out, "a: b\nassistant:");
  EXPECT_EQ(RunLacuna(render + "/nonexistent").exit_code, 2);
  const CommandResult bad = RunLacuna(render + "-", R"({"messages": [{"role": "user"}]})");
  EXPECT_EQ(bad.exit_code, 0) << "a missing content is undefined, which the template trims to nothing: " << bad.err;
  EXPECT_EQ(RunLacuna(render + "-", "{").exit_code, 2);
}

}  // namespace
}  // namespace lacuna
