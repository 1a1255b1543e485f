// What a stranger may type or pass to the command: one line that says what is wrong and exit code 2, or an answer.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/sanitizers.h"
#include "tests/support/shell.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;
using nlohmann::json;

const std::string kModel = "-m " LACUNA_SOURCE_DIR "/models/demo ";

void ExpectRefused(const CommandResult& r, const std::string& what, const std::string& says) {
  EXPECT_EQ(r.exit_code, 2) << what << ": " << r.err;
  EXPECT_EQ(r.out, "") << what;
  EXPECT_TRUE(r.err.starts_with("lacuna: error: ")) << what << ": " << r.err;
  EXPECT_EQ(r.err.find('\n'), r.err.size() - 1) << what << ": one line: " << r.err;
  EXPECT_NE(r.err.find(says), std::string::npos) << what << ": " << r.err;
}

TEST(HostileInput, APromptOfTenMegabytes) {
  const TempDir folder;
  std::string text;
  while (text.size() < 10'000'000) text += "One day a little ship went over the sea. ";
  const std::string words = folder.Write("words", text);
  const std::string letters = folder.Write("letters", std::string(10'000'000, 'a'));
  const std::string noise = folder.Write("noise", [] {
    std::string bytes(10'000'000, '\0');
    uint32_t state = 1;
    for (char& c : bytes) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
  }());
  ExpectRefused(RunLacuna("score --json " + kModel + "-f " + Quote(words)), "score", "more than the context of 512");
  ExpectRefused(RunShell("exec \"$lacuna\" chat -n 1 " + kModel + " < " + Quote(letters)), "chat",
                "more than the context of 512");
  for (const std::string& file : {words, letters, noise}) {
    ExpectRefused(RunLacuna("run -n 1 " + kModel + "-f " + Quote(file)), file, "more than the context of 512");
    const CommandResult ids = RunLacuna("tokenize --json " + kModel + "-f " + Quote(file));
    EXPECT_EQ(ids.exit_code, 0) << ids.err;
    EXPECT_TRUE(json::accept(ids.out)) << file;
  }
  // A conversation of 10 MB, by way of a template.
  const std::string chat =
      folder.Write("chat.json", json{{"messages", {{{"role", "user"}, {"content", text}}}}}.dump());
  std::filesystem::copy(LACUNA_SOURCE_DIR "/models/demo", folder.File("model"));
  folder.Write("model/chat_template.jinja", "{% for m in messages %}{{ m.content | trim }}{% endfor %}");
  const CommandResult rendered = RunLacuna("render -m " + Quote(folder.File("model")) + " --messages " + Quote(chat));
  EXPECT_EQ(rendered.exit_code, 0) << rendered.err;
  EXPECT_EQ(rendered.out, text.substr(0, text.size() - 1));
}

TEST(HostileInput, BytesThatAreNoText) {
  const std::string invalid = "abc\xff\xfe\xc3(\xed\xa0\x80 end", zeros("a\0b\0\0c", 6);
  for (const std::string& text : {invalid, zeros}) {
    for (const char* command : {"run -n 3 --json -f - ", "score --json --top 3 -f - ", "tokenize --json -f - "}) {
      const CommandResult r = RunLacuna(command + kModel, text);
      EXPECT_EQ(r.exit_code, 0) << command << r.err;
      EXPECT_EQ(r.err, "");
      EXPECT_TRUE(json::accept(r.out)) << command << "valid JSON, which is valid UTF-8: " << r.out;
    }
    EXPECT_EQ(RunLacuna("chat -n 3 --ignore-eos " + kModel, text).exit_code, 0);
  }
  // Zeros are characters like others; what is no UTF-8 becomes U+FFFD.
  const auto there_and_back = [](const std::string& text) {
    std::string ids;
    const json out = json::parse(RunLacuna("tokenize --no-special --json -f - " + kModel, text).out);
    for (const json& id : out["ids"]) ids += (ids.empty() ? "" : ",") + id.dump();
    return RunLacuna("detokenize " + kModel + "--ids " + ids).out;
  };
  EXPECT_EQ(there_and_back(zeros), zeros);
  EXPECT_EQ(there_and_back("a\xff"
                           "b"),
            "a\xEF\xBF\xBD"
            "b");
  // In a file of another kind they are an error.
  ExpectRefused(RunLacuna("run -p x --grammar-file - " + kModel, zeros), "a grammar", "-:1:");
  ExpectRefused(RunLacuna("run -p x --json-schema-file - " + kModel, invalid), "a schema", "-: ");
}

TEST(HostileInput, IdsOutOfRange) {
  for (const char* ids : {"999999", "2147483647"}) {
    for (const char* command : {"run -n 1 --ids 1,", "score --ids 1,", "detokenize --ids 1,"})
      ExpectRefused(RunLacuna(command + std::string(ids) + " " + kModel), command, ids);
  }
  for (const char* ids : {"-1", "2147483648", "99999999999999999999", "''", "1,,2", "1,", ",", "1.5", "0x10", "1 2"}) {
    for (const char* command : {"run -n 1 --ids ", "score --ids ", "detokenize --ids "})
      ExpectRefused(RunLacuna(command + std::string(ids[0] == '1' ? Quote(ids) : ids) + " " + kModel), command,
                    "--ids");
  }
}

TEST(HostileInput, SizesBeyondTheMachine) {
  // 32 KiB of K and V a token, sixteen million tokens: 512 GiB.
  const TempDir folder;
  const std::string shape = folder.Write("shape.json", R"({"model_type": "llama", "hidden_size": 64, "vocab_size": 300,
    "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 8, "head_dim": 512,
    "max_position_embeddings": 16777216})");
  const std::string large = "-m " + Quote(folder.File("large")) + " ";
  ASSERT_EQ(RunLacuna("synth --config " + Quote(shape) + " -o " + Quote(folder.File("large"))).exit_code, 0);
  ExpectRefused(RunLacuna("run --ids 1 -n 1 -c 16777216 " + large), "-c", "ask for a smaller context (-c)");
  ExpectRefused(RunLacuna("run --ids 1 -n 1 -c 0 " + large), "-c 0 of run", "512 GiB");
  // What a text takes is not what the model could take.
  EXPECT_EQ(RunLacuna("score --ids 1,2,3 " + large).exit_code, 0);
  EXPECT_EQ(RunLacuna("run --ids 1 -n 2 " + large).exit_code, 0);
  // chat -c 0 takes what the memory holds, and says so.
  const CommandResult chat = RunLacuna("chat -c 0 -n 2 " + large, "hello");
  EXPECT_EQ(chat.exit_code, 0) << chat.err;
  EXPECT_NE(chat.err.find(" of the model's 16777216 tokens, which is what "), std::string::npos) << chat.err;

  const CommandResult limited =
      RunShell("ulimit -v 600000; exec \"$lacuna\" chat -c 0 -n 2 -t 1 " + large + "-p x -st");
  EXPECT_EQ(limited.exit_code, 0) << limited.err;
  EXPECT_NE(limited.err.find(" tokens, which is what "), std::string::npos) << limited.err;
  EXPECT_NE(limited.err.find(" MiB of memory hold"), std::string::npos) << limited.err;

  // More than the model has is the model's.
  EXPECT_EQ(RunLacuna("run -p x -n 1 -c 16777216 " + kModel).exit_code, 0);
  EXPECT_EQ(RunLacuna("run -p x -n 16777216 " + kModel).exit_code, 0) << "ends with the context";
  for (const char* flags : {"-c 16777217", "-c -1", "-c 99999999999999999999", "-c many", "-n 16777217", "-n -2",
                            "-n 1e99", "-t 10000", "-t -1", "-t 1025", "-s x", "--temp inf"}) {
    ExpectRefused(RunLacuna("run -p x " + kModel + flags), flags, "--");
  }
  for (const char* flags : {"-t 10000", "-c -1"}) ExpectRefused(RunLacuna("chat " + kModel + flags, "x"), flags, "--");
  ExpectRefused(RunLacuna("bench -t 10000 -p 8 -n 0 " + kModel), "bench", "10000");
  ExpectRefused(RunLacuna("bench -p 99999999999 -n 0 " + kModel), "bench", "99999999999");
}

TEST(HostileInput, ThreadsFromNoneToAThousand) {
  const std::string run = "run -p 'One day' -n 4 -s 1 --ignore-eos " + kModel;
  const CommandResult one = RunLacuna(run + "-t 1");
  ASSERT_EQ(one.exit_code, 0) << one.err;
  for (const char* threads : {"0", "3", "300"}) {
    const CommandResult r = RunLacuna(run + "-t " + threads);
    EXPECT_EQ(r.exit_code, 0) << threads << ": " << r.err;
    EXPECT_EQ(r.out, one.out) << threads;
    EXPECT_EQ(r.err, "") << threads;
  }
  const TempDir folder;
  const CommandResult pack = RunLacuna("pack --codec int8 -t 300 -o " + Quote(folder.File("p")) + " " + kModel);
  EXPECT_EQ(pack.exit_code, 0) << pack.err;
  EXPECT_TRUE(pack.err.starts_with("wrote ")) << pack.err;
  // A thread that cannot be had is an error, not an abort. (Address space: a stack takes 8 MiB of it.)
  const CommandResult few = RunShell("ulimit -s 8192; ulimit -v 400000; exec \"$lacuna\" " + run + "-t 300");
  if (LACUNA_SANITIZED) return;  // a sanitizer has its own ideas of address space
  EXPECT_EQ(few.exit_code, 1) << few.err;
  EXPECT_NE(few.err.find("use fewer threads"), std::string::npos) << few.err;
}

TEST(HostileInput, CommandLines) {
  ExpectRefused(RunLacuna(""), "nothing", "subcommand");
  ExpectRefused(RunLacuna("walk"), "a command that is none", "'walk' is no command; there are chat, run, ");
  ExpectRefused(RunLacuna("run -p x"), "no model", "--model");
  ExpectRefused(RunLacuna("run -p x -m ''"), "an empty name", "name is empty");
  ExpectRefused(RunLacuna("run -p x --frobnicate " + kModel), "an unknown flag", "frobnicate");
  ExpectRefused(RunLacuna("run -p x -p y -f - " + kModel), "two prompts", "--");
  ExpectRefused(RunLacuna("tokenize " + kModel), "no text", "--prompt");
  ExpectRefused(RunShell("LACUNA_TOP_K=many exec \"$lacuna\" run -p x " + kModel), "a bad variable", "many");
  const CommandResult last = RunLacuna("run -p x -n 3 -p y -n 1 --ignore-eos --json " + kModel);
  EXPECT_EQ(last.exit_code, 0) << "the last of a flag counts: " << last.err;
  EXPECT_EQ(json::parse(last.out, nullptr, false)["ids"].size(), 1u) << last.out;
  const CommandResult empty = RunLacuna("run -p '' -n 3 --ignore-eos " + kModel);
  EXPECT_EQ(empty.exit_code, 0) << "BOS alone: " << empty.err;
}

}  // namespace
}  // namespace lacuna
