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
  ASSERT_NE(at = terminal.WaitFor("no message to answer yet", at), std::string::npos) << terminal.Text();
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

TEST_F(ChatTerminal, FilesGoWithTheNextMessage) {
  folder_->Write("a.txt", "first file\n");
  folder_->Write("b.txt", "second file");
  folder_->Write("zero.bin", std::string("a\0b", 3));
  Terminal terminal(Arguments("-n 3"));
  size_t at = terminal.WaitFor("\n>");
  ASSERT_NE(at, std::string::npos) << terminal.Text();
  const std::string folder = folder_->path();
  const std::pair<std::string, std::string> refused[] = {
      {"/read " + folder + "/none.txt", "no such file"},  {"/read " + folder, "is a folder"},
      {"/read " + folder + "/zero.bin", "NUL bytes"},     {"/read", "/read needs a FILE"},
      {"/glob " + folder + "/*.none", "no file matches"}, {"/walk", "/walk is no command"}};
  for (const auto& [line, says] : refused) {
    terminal.Type(line + "\n");
    ASSERT_NE(at = terminal.WaitFor(says, at), std::string::npos) << terminal.Text();
  }
  terminal.Type("/glob " + folder + "/?.txt\n");
  ASSERT_NE(at = terminal.WaitFor("b.txt: 11 bytes go with the next message]", at), std::string::npos)
      << terminal.Text();
  terminal.Type("what is this?\n");
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  terminal.Type("/read " + folder + "/a.txt\n");
  ASSERT_NE(at = terminal.WaitFor("a.txt: 11 bytes go with the next message]", at), std::string::npos)
      << terminal.Text();
  terminal.Type("and this?\n");
  ASSERT_NE(Answered(terminal, at), std::string::npos) << terminal.Text();
  const json messages = Saved(terminal);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0]["content"], "File " + folder + "/a.txt:\n```\nfirst file\n```\n\nFile " + folder +
                                        "/b.txt:\n```\nsecond file\n```\n\nwhat is this?");
  EXPECT_EQ(messages[2]["content"], "File " + folder + "/a.txt:\n```\nfirst file\n```\n\nand this?");
}

TEST_F(ChatTerminal, TheSystemPromptChangesInMidConversation) {
  Terminal terminal(Arguments("-n 3"));
  size_t at = terminal.WaitFor("\n>");
  ASSERT_NE(at, std::string::npos) << terminal.Text();
  terminal.Type("hello\n");
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  terminal.Type("/system Be kind.\n");
  ASSERT_NE(at = terminal.WaitFor("[the system prompt is set]", at), std::string::npos) << terminal.Text();
  terminal.Type("again\n");
  ASSERT_NE(at = Answered(terminal, at), std::string::npos) << terminal.Text();
  // It stands at the beginning, so that nothing behind it could be kept.
  EXPECT_EQ(terminal.Text().find(" kept)", at - 200), std::string::npos) << terminal.Text();
  json messages = Saved(terminal);
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[0]["role"], "system");
  EXPECT_EQ(messages[0]["content"], "Be kind.");
  terminal.Type("/system\n");
  ASSERT_NE(at = terminal.WaitFor("[no system prompt]", at), std::string::npos) << terminal.Text();
  messages = Saved(terminal);
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[0]["content"], "hello");
}

TEST_F(ChatTerminal, TypedLinesComeBackTheNextTime) {
  const std::string state = folder_->path() + "/state";
  setenv("XDG_STATE_HOME", state.c_str(), 1);
  {
    Terminal terminal(Arguments("-n 2"));
    ASSERT_NE(terminal.WaitFor("\n>"), std::string::npos) << terminal.Text();
    terminal.Type("a line to keep\n");
    ASSERT_NE(Answered(terminal), std::string::npos) << terminal.Text();
  }  // killed: what was typed is safe all the same
  {
    Terminal terminal(Arguments("-n 2"));
    ASSERT_NE(terminal.WaitFor("\n>"), std::string::npos) << terminal.Text();
    terminal.Type("\x1b[A");
    EXPECT_NE(terminal.WaitFor("> a line to keep"), std::string::npos) << terminal.Text();
  }
  const auto file = std::filesystem::path(state) / "lacuna" / "chat_history";
  EXPECT_EQ(std::filesystem::status(file).permissions(), std::filesystem::perms(0600));
  std::filesystem::remove(file);
  {
    Terminal terminal(Arguments("-n 2 --no-history"));
    ASSERT_NE(terminal.WaitFor("\n>"), std::string::npos) << terminal.Text();
    terminal.Type("a secret\n");
    ASSERT_NE(Answered(terminal), std::string::npos) << terminal.Text();
  }
  unsetenv("XDG_STATE_HOME");
  EXPECT_FALSE(std::filesystem::exists(file));
}

// Thinking: the template opens a block when it is asked to.
TEST_F(ChatTerminal, ReasoningIsTheTemplatesToDo) {
  const std::string model = folder_->path() + "/thinking";
  std::filesystem::create_directory(model);
  for (const auto& entry : std::filesystem::directory_iterator(LACUNA_SOURCE_DIR "/models/demo")) {
    if (entry.is_regular_file())
      std::filesystem::create_symlink(entry.path(), model + "/" + entry.path().filename().string());
  }
  std::filesystem::remove(model + "/chat_template.jinja");
  folder_->Write("thinking/chat_template.jinja",
                 "{% for m in messages %}{{ m.content }}\n{% endfor %}{% if enable_thinking is not defined %}unasked"
                 "{% elif enable_thinking %}<think>\n{% else %}<think>\n\n</think>\n\n{% endif %}");
  const auto chat = [&](const std::string& flags) {
    return RunLacuna("chat -st -p hello -n 4 -s 1 --ignore-eos -m " + Quote(model) + " " + flags);
  };
  const CommandResult on = chat("--reasoning on"), off = chat("--reasoning off"), unasked = chat("--reasoning auto");
  for (const CommandResult* r : {&on, &off, &unasked}) EXPECT_EQ(r->exit_code, 0) << r->err;
  EXPECT_EQ(unasked.out, chat("").out) << "auto is what it is unless told";
  EXPECT_FALSE(off.out.empty());
  EXPECT_FALSE(unasked.out.empty());
  EXPECT_NE(on.out, off.out) << "three prompts, three answers";
  EXPECT_NE(on.out, unasked.out);
  EXPECT_NE(off.out, unasked.out);
  // On a terminal what a model thinks is dim, and with `off` it would be hidden: the block was closed by the template.
  Terminal terminal("chat -n 4 -s 1 --ignore-eos --reasoning on -m " + Quote(model));
  ASSERT_NE(terminal.WaitFor("\n>"), std::string::npos) << terminal.Text();
  terminal.Type("hello\n");
  ASSERT_NE(Answered(terminal), std::string::npos) << terminal.Text();
  const json messages = Saved(terminal);
  ASSERT_EQ(messages.size(), 2u) << terminal.Text();
  EXPECT_TRUE(messages[1]["content"].get<std::string>().starts_with("<think>\n")) << messages[1];
}

TEST_F(ChatTerminal, ContextZeroIsTheModelsMaximum) {
  Terminal terminal(Arguments("-n 2 -c 0"));
  ASSERT_NE(terminal.WaitFor("\n>"), std::string::npos) << terminal.Text();
  terminal.Type("/stats\n");
  std::ifstream in(model_ + "/config.json");
  const std::string most = json::parse(in)["max_position_embeddings"].dump();
  EXPECT_NE(terminal.WaitFor(" of " + most + " tokens of context"), std::string::npos) << terminal.Text();
  EXPECT_EQ(terminal.Text().find("which is what"), std::string::npos) << "there is memory enough for it";
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
