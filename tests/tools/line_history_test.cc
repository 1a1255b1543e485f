// Typed lines, kept in a file that several programs share.
#include "tools/line_history.h"

#include <gtest/gtest.h>
#include <histedit.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace lacuna::tools {
namespace {

using lacuna::testing::TempDir;
using Lines = std::vector<std::string>;

// The oldest first.
Lines Remembered(const LineHistory& lines) {
  Lines all;
  HistEvent event;
  for (int r = history(lines.get(), &event, H_FIRST); r >= 0; r = history(lines.get(), &event, H_NEXT))
    all.emplace_back(event.str);
  std::reverse(all.begin(), all.end());
  return all;
}
Lines InFile(const std::string& file) { return Remembered(LineHistory(file)); }

TEST(LineHistory, LinesComeBack) {
  const TempDir dir;
  const std::string file = dir.File("history");
  {
    LineHistory lines(file);
    for (const char* line : {"one", "two\nlines \\ and \xC3\xBC", " \t", "same", "same"}) lines.Add(line);
  }
  EXPECT_EQ(InFile(file), (Lines{"one", "two\nlines \\ and \xC3\xBC", " \t", "same"}));
  struct stat status {};
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  LineHistory none("");
  none.Add("a");
  EXPECT_EQ(Remembered(none), (Lines{"a"}));
  LineHistory nowhere(dir.File("none/history"));
  nowhere.Add("a");
  EXPECT_FALSE(std::filesystem::exists(dir.File("none")));
}

TEST(LineHistory, TwoAtOnceLoseNothing) {
  const TempDir dir;
  const std::string file = dir.File("history");
  LineHistory a(file), b(file);
  a.Add("a1");
  b.Add("b1");
  a.Add("a2");
  b.Add("b2");
  EXPECT_EQ(InFile(file), (Lines{"a1", "b1", "a2", "b2"}));
  EXPECT_EQ(Remembered(a), (Lines{"a1", "a2"}));
}

TEST(LineHistory, ManyProgramsAtOnceLoseAndTearNothing) {
  const TempDir dir;
  const std::string file = dir.File("history");
  // So many lines that one of them writes the file anew while others append; the oldest are the ones to go.
  {
    std::ofstream out(file);
    out << "_HiStOrY_V2_\n";
    for (int i = 0; i < LineHistory::kLinesInFile + 10; ++i) out << "old\\040" << i << "\n";
  }
  constexpr int kPrograms = 4, kEach = 40;
  std::vector<pid_t> children;
  for (int p = 0; p < kPrograms; ++p) {
    const pid_t pid = fork();
    ASSERT_GE(pid, 0);
    if (pid == 0) {
      for (int i = 0; i < kEach; i += 10) {
        LineHistory lines(file);  // reads, and may shorten
        for (int j = i; j < i + 10; ++j) lines.Add(std::string(200, 'x') + " " + std::to_string(p * kEach + j));
      }
      _exit(0);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }
  const Lines all = InFile(file);
  EXPECT_EQ(all.size(), static_cast<size_t>(LineHistory::kLines));
  for (int i = 0; i < kPrograms * kEach; ++i)
    EXPECT_EQ(std::count(all.begin(), all.end(), std::string(200, 'x') + " " + std::to_string(i)), 1) << i;
  for (const std::string& line : all) EXPECT_TRUE(line.starts_with("old ") || line.starts_with("xxx")) << line;
  std::error_code error;
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1) << "nothing else is left there";
}

TEST(LineHistory, AFileThatIsTooLongIsShortened) {
  const TempDir dir;
  const std::string file = dir.File("history");
  for (int i = 0; i < 3; ++i) {
    LineHistory lines(file);
    for (int j = 0; j < LineHistory::kLines; ++j) lines.Add(std::to_string(i * LineHistory::kLines + j));
  }
  const Lines all = InFile(file);
  ASSERT_EQ(all.size(), static_cast<size_t>(LineHistory::kLines));
  EXPECT_EQ(all.front(), "2000");
  EXPECT_EQ(all.back(), "2999");
  std::ifstream in(file);
  EXPECT_EQ(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), LineHistory::kLines + 1);
}

TEST(LineHistory, WhatIsBrokenIsMended) {
  const TempDir dir;
  // Cut off in the middle of a line: it ends where the next begins.
  const std::string cut = dir.Write("cut", "_HiStOrY_V2_\nwhole\nhal");
  LineHistory(cut).Add("next");
  EXPECT_EQ(InFile(cut), (Lines{"whole", "hal", "next"}));
  // No history at all: begun anew.
  const std::string other = dir.Write("other", std::string("\x7f"
                                                           "ELF\0\n\n",
                                                           7));
  LineHistory(other).Add("next");
  EXPECT_EQ(InFile(other), (Lines{"next"}));
  const std::string folder = dir.File("folder");
  std::filesystem::create_directory(folder);
  LineHistory(folder).Add("next");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

}  // namespace
}  // namespace lacuna::tools
