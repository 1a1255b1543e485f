// Files that cannot be read, disks that are full, readers that leave, signals: a clear message, the right exit code,
// and nothing half-written.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/shell.h"
#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using namespace testing;

const std::string kModel = "-m " LACUNA_SOURCE_DIR "/models/demo ";

void ExpectError(const CommandResult& r, int code, const std::string& what, const std::string& says) {
  EXPECT_EQ(r.exit_code, code) << what << ": " << r.err;
  EXPECT_TRUE(r.err.starts_with("lacuna: error: ")) << what << ": " << r.err;
  EXPECT_EQ(r.err.find('\n'), r.err.size() - 1) << what << ": one line: " << r.err;
  EXPECT_NE(r.err.find(says), std::string::npos) << what << ": " << r.err;
}

TEST(HostileFiles, MissingFoldersAndOthersThatAreNoFiles) {
  const TempDir folder;
  std::filesystem::create_directory(folder.File("folder"));
  struct Place {
    std::string path, says;
  };
  for (const Place& place : {Place{"/nonexistent", "no such f"}, Place{folder.File("folder"), "folder"},
                             Place{"/dev/null", "/dev/null"}, Place{"/dev/tty/x", "no such f"}}) {
    const std::string p = Quote(place.path) + " ";
    for (const std::string& command :
         {"run -n 1 -f " + p + kModel, "score -f " + p + kModel, "tokenize -f " + p + kModel,
          "run -p x --grammar-file " + p + kModel, "run -p x --json-schema-file " + p + kModel,
          "chat -st -sysf " + p + kModel, "eval --text " + p + kModel, "render --messages " + p + kModel,
          "synth -o out --config " + p, "run -p x -m " + p, "tokenize -p x -m " + p, "detokenize --ids 1 -m " + p,
          "inspect -m " + p, "bench -m " + p, "pack --codec int8 -o out -m " + p, "eval -m " + p,
          "eval --reference " + p + kModel}) {
      const CommandResult r = RunLacuna(command);
      const bool is_model = command.find("-m " + p) != std::string::npos || command.find("--reference") != command.npos;
      ExpectError(r, 2, command, is_model || place.path == "/dev/null" ? place.path : place.says);
      EXPECT_EQ(r.out, "") << command;
    }
  }
  EXPECT_FALSE(std::filesystem::exists("out"));
}

// What a model's folder names but does not have is not left out.
TEST(HostileFiles, LinksThatLeadNowhere) {
  const TempDir folder;
  for (const char* file : {"config.json", "tokenizer.json", "model.safetensors", "chat_template.jinja"}) {
    const std::string model = folder.File(std::string("of_") + file), path = model + "/" + file;
    std::filesystem::copy(LACUNA_SOURCE_DIR "/models/demo", model);
    for (const char* target : {"nothing", file}) {  // the second leads to itself
      std::filesystem::remove(path);
      std::filesystem::create_symlink(target, path);
      ExpectError(RunLacuna("chat -p x -n 1 -st -m " + Quote(model)), 2, path, path + ": ");
    }
  }
}

TEST(HostileFiles, UnreadableOnes) {
  if (geteuid() == 0 && RunShell("command -v setpriv >/dev/null").exit_code != 0)
    GTEST_SKIP() << "root reads everything, and there is no setpriv to be somebody else with";
  const TempDir folder;
  const std::string text = folder.Write("text", "One day"), model = folder.File("model");
  std::filesystem::copy(LACUNA_SOURCE_DIR "/models/demo", model);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  const std::string as_nobody =
      geteuid() == 0 ? "setpriv --reuid=65534 --clear-groups --inh-caps=-all --bounding-set=-all " : "";
  const auto run = [&](const std::string& arguments) { return RunShell(as_nobody + "\"$lacuna\" " + arguments); };
  if (run("--version").exit_code != 0) GTEST_SKIP() << "another user cannot run the command here";
  for (const char* file : {"text", "model/config.json", "model/tokenizer.json", "model/model.safetensors"}) {
    const auto path = std::filesystem::path(folder.File(file));
    std::filesystem::permissions(path, std::filesystem::perms::none);
    ExpectError(run("run -n 1 -f " + Quote(text) + " -m " + Quote(model)), 2, file,
                path.string() + ": cannot be opened (Permission denied)");
    std::filesystem::permissions(path, std::filesystem::perms(0644));
  }
  ASSERT_EQ(run("run -n 1 -f " + Quote(text) + " -m " + Quote(model)).exit_code, 0);
  // A model's folder, or the one around it, that may not be looked into.
  const std::string around = folder.File("around");
  std::filesystem::create_directory(around);
  std::filesystem::create_directory_symlink(model, around + "/link");
  for (const std::string& closed : {model, around}) {
    std::filesystem::permissions(closed, std::filesystem::perms::none);
    ExpectError(run("run -n 1 -p x -m " + Quote(closed == model ? model : around + "/link")), 2, closed,
                "cannot be opened (Permission denied)");
    std::filesystem::permissions(closed, std::filesystem::perms(0755));
  }
  // A folder that may not be written.
  ExpectError(run("pack --codec int8 -o " + Quote(folder.File("packed")) + " " + kModel), 1, "pack",
              "cannot create the folder: Permission denied");
}

TEST(FullDisk, StandardOutput) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  for (const char* command :
       {"run -n 3 -p x ", "run -n 3 -p x --json ", "run -n 3 --ids 1 ", "score -p 'One day' ", "tokenize -p x ",
        "detokenize --ids 300 ", "inspect ", "inspect --json ", "bench -p 8 -n 0 -r 1 --stream-mib 16 ",
        "eval --ctx 64 --limit 1 --text README.md ", "chat -n 3 -p x "}) {
    ExpectError(RunShell("exec \"$lacuna\" " + std::string(command) + kModel + " > /dev/full"), 1, command,
                "standard output cannot be written (No space left on device)");
  }
  for (const char* command : {"doctor --no-measure", "--help", "--version", "run --help"}) {
    ExpectError(RunShell("exec \"$lacuna\" " + std::string(command) + " > /dev/full"), 1, command, "No space left");
  }
}

// Commands that write files, on a disk (or with a limit) that is too small: one error, and nothing is left.
void ExpectNothingWritten(const std::string& before, const std::string& disk) {
  struct Case {
    std::string arguments, says;
  };
  for (const Case& c : {Case{"pack --codec int8 -o " + Quote(disk + "/new/packed") + " " + kModel, "packed"},
                        Case{"synth --shape qwen2.5-0.5b --layers 1 -o " + Quote(disk + "/synth"), "synth"},
                        Case{"eval --ctx 64 --limit 1 --task-dir " + Quote(disk) + "/../tasks --answers " +
                                 Quote(disk + "/answers") + " --tasks long -m " + Quote(disk) + "/../model",
                             "answers"}}) {
    const CommandResult r = RunShell(before + "exec \"$lacuna\" " + c.arguments);
    ExpectError(r, 1, c.arguments, c.says);
    std::string left;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(disk)) left += entry.path().string() + " ";
    EXPECT_EQ(left, "") << c.arguments;
  }
}

// A model for tasks, and tasks whose names take more than a megabyte.
void WriteTasks(const TempDir& folder) {
  std::filesystem::copy(LACUNA_SOURCE_DIR "/models/demo", folder.File("model"));
  folder.Write("model/chat_template.jinja", "{% for m in messages %}{{ m.content }}{% endfor %}");
  std::filesystem::create_directory(folder.File("tasks"));
  std::string lines;
  for (int i = 0; i < 2; ++i) {
    lines += R"({"id": ")" + std::string(1'200'000, 'x') + std::to_string(i) +
             R"(", "task": "long", "length": 64, "messages": [{"role": "user", "content": "x"}], "answer": "y"})"
             "\n";
  }
  folder.Write("tasks/long.jsonl", lines);
}

TEST(FullDisk, FilesAreCompleteOrNotThere) {
  const TempDir folder;
  std::filesystem::create_directory(folder.File("disk"));
  WriteTasks(folder);
  ExpectNothingWritten("ulimit -f 200; ", folder.File("disk"));  // in units of 512 bytes or 1 KiB
}

TEST(FullDisk, OnAFileSystemOfOneMegabyte) {
  const TempDir folder;
  const std::string disk = folder.File("disk");
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=1m") != 0) GTEST_SKIP() << "no right to mount a tmpfs";
  WriteTasks(folder);
  ExpectNothingWritten("", disk);
  umount(disk.c_str());
}

TEST(ClosedPipe, EveryCommandEndsQuietly) {
  for (const char* command : {"run -n 300 --ignore-eos -p x ", "run -n 3 -p x --json ", "inspect ", "inspect --json ",
                              "score --json --top 500 -p 'One day Mia found a little boat' ",
                              "tokenize --json -f README.md ", "chat -n 300 --ignore-eos -p x "}) {
    // The reader is gone before the first byte.
    const CommandResult r =
        RunShell("( sleep 0.2; \"$lacuna\" " + std::string(command) + kModel + "; echo $? >&2 ) | true");
    EXPECT_EQ(r.err, "0\n") << command;
  }
}

// Starts the command, waits until it has written to `file` (or the folder has an entry), sends the signal.
CommandResult Signalled(const std::string& signal, const std::string& command, const std::string& wait_for) {
  return RunShell("\"$lacuna\" " + command + " & pid=$!; for i in $(seq 600); do [ -n \"$(" + wait_for +
                  ")\" ] && break; sleep 0.05; done; kill -" + signal + " $pid; wait $pid; exit $?");
}

TEST(Signals, InMidAnswer) {
  const TempDir folder;
  const std::string out = folder.File("out");
  // An answer of 30000 tokens, so that the signal comes before its end on any machine.
  std::filesystem::copy(LACUNA_SOURCE_DIR "/models/demo", folder.File("model"));
  const std::string config = folder.File("model/config.json");
  ASSERT_EQ(
      RunShell("sed -i 's/\"max_position_embeddings\": [0-9]*/\"max_position_embeddings\": 32768/' " + Quote(config))
          .exit_code,
      0);
  struct Case {
    const char *signal, *command;
    int code;
  };
  for (const Case& c : {Case{"TERM", "run -p 'One day' ", 143}, Case{"INT", "run -p 'One day' ", 130},
                        Case{"TERM", "chat -p 'One day' ", 143}, Case{"TERM", "run --json -p 'One day' ", 143}}) {
    std::filesystem::remove(out);
    const bool json = std::string(c.command).find("--json") != std::string::npos;
    const CommandResult r = Signalled(
        c.signal,
        std::string(c.command) + "-n 30000 --ignore-eos -s 1 -m " + Quote(folder.File("model")) + " > " + Quote(out),
        json ? "sleep 0.3; echo x" : "tail -c +20 " + Quote(out) + " 2>/dev/null");
    EXPECT_EQ(r.exit_code, c.code) << c.command << r.err;
    EXPECT_EQ(r.err, std::string(c.command).starts_with("chat") ? "[stopped]\n" : "") << c.command;
    const std::string text = RunShell("cat " + Quote(out)).out;
    if (json) {
      EXPECT_TRUE(text.empty() || (text.starts_with("{") && text.ends_with("}\n"))) << "whole or not there: " << text;
    } else {
      EXPECT_TRUE(text.starts_with("One day")) << text;
    }
  }
}

TEST(Signals, WhileFilesAreWrittenLeaveNone) {
  const TempDir folder;
  const std::string disk = folder.File("disk");
  std::filesystem::create_directory(disk);
  struct Case {
    const char* signal;
    std::string command;
    int code;
  };
  for (const Case& c :
       {Case{"TERM", "synth --shape llama-3.2-1b --layers 4 -o " + Quote(disk + "/synth"), 143},
        Case{"INT", "synth --shape llama-3.2-1b --layers 4 --codec codebook -o " + Quote(disk + "/synth"), 130}}) {
    const CommandResult r = Signalled(c.signal, c.command, "ls -A " + Quote(disk));
    EXPECT_EQ(r.exit_code, c.code) << c.command << r.err;
    EXPECT_TRUE(std::filesystem::is_empty(disk)) << c.command;
  }
}

}  // namespace
}  // namespace lacuna
