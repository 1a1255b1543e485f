#include "io/file.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "tests/support/temp_dir.h"

namespace lacuna {
namespace {

using testing::TempDir;

std::string Text(const MappedFile& file) {
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), file.size());
}

TEST(MappedFile, HoldsTheBytesAndMoves) {
  TempDir dir;
  const std::string content("ab\0cd", 5);
  Result<MappedFile> opened = MappedFile::Open(dir.Write("f", content));
  ASSERT_TRUE(opened.ok()) << opened.status().message();
  EXPECT_EQ(Text(*opened), content);
  MappedFile moved = std::move(*opened);
  MappedFile other;
  other = std::move(moved);
  EXPECT_EQ(Text(other), content);
  EXPECT_EQ(other.path(), dir.File("f"));
  EXPECT_EQ(MappedFile().size(), 0u);
}

TEST(MappedFile, DontNeedKeepsTheContent) {
  TempDir dir;
  std::string content(100000, 'x');
  content[50000] = 'y';
  Result<MappedFile> file = MappedFile::Open(dir.Write("f", content));
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(Text(*file), content);
  file->DontNeed(file->bytes().subspan(1, 90000));
  EXPECT_EQ(Text(*file), content);
}

TEST(MappedFile, ErrorsNamePathAndReason) {
  TempDir dir;
  const auto message = [](const std::string& path) {
    const Status status = MappedFile::Open(path).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidInput) << path;
    return status.message();
  };
  EXPECT_EQ(message(dir.File("none")), dir.File("none") + ": no such file");
  EXPECT_EQ(message(dir.Write("empty", "")), dir.File("empty") + ": the file is empty");
  EXPECT_EQ(message(dir.path()), dir.path() + ": is a folder, not a file");
  EXPECT_EQ(message(dir.File("empty") + "/x"), dir.File("empty") + "/x: no such file");
  ASSERT_EQ(mkfifo(dir.File("pipe").c_str(), 0600), 0);
  EXPECT_EQ(message(dir.File("pipe")), dir.File("pipe") + ": is not a regular file");  // and does not wait for a writer
  std::filesystem::create_symlink("loop", dir.File("loop"));
  EXPECT_NE(message(dir.File("loop")).find(dir.File("loop") + ": cannot be opened ("), std::string::npos);
}

TEST(MappedFile, UnreadableFileIsInvalidInput) {
  TempDir dir;
  const std::string path = dir.Write("secret", "x");
  chmod(path.c_str(), 0);
  // Root reads everything, so it becomes nobody for a moment.
  const bool root = geteuid() == 0;
  if (root && seteuid(65534) != 0) GTEST_SKIP() << "root reads everything and cannot be anybody else here";
  const Status status = MappedFile::Open(path).status();
  if (root) {
    ASSERT_EQ(seteuid(0), 0);
  }
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
  EXPECT_EQ(status.message(), path + ": cannot be opened (Permission denied)");
}

TEST(ReadFile, ReadsWholeFilesUpToTheLimit) {
  TempDir dir;
  const std::string content(200000, 'q');
  const std::string path = dir.Write("f", content);
  Result<std::string> read = ReadFile(path, content.size());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, content);
  const Status status = ReadFile(path, content.size() - 1).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
  EXPECT_EQ(status.message(), path + ": larger than the 199999 bytes that such a file may have");
  Result<std::string> empty = ReadFile(dir.Write("empty", ""), 10);
  ASSERT_TRUE(empty.ok());
  EXPECT_EQ(*empty, "");
  EXPECT_EQ(ReadFile(dir.File("none"), 10).status().message(), dir.File("none") + ": no such file");
}

TEST(ReadFile, ReadsFilesThatHideTheirSize) {
  Result<std::string> read = ReadFile("/proc/self/stat", 1 << 20);
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_GT(read->size(), 20u);
  EXPECT_FALSE(ReadFile("/proc/self/stat", 5).ok());
}

TEST(AtomicFile, AppearsWithCommitOnly) {
  TempDir dir;
  const std::string path = dir.Write("f", "old");
  {
    Result<AtomicFile> file = AtomicFile::Create(path);
    ASSERT_TRUE(file.ok()) << file.status().message();
    ASSERT_TRUE(file->Append("new ").ok());
    ASSERT_TRUE(file->Append("text").ok());
    EXPECT_EQ(file->size(), 8u);
    EXPECT_EQ(*ReadFile(path, 100), "old");
    EXPECT_EQ(dir.List().size(), 2u);
    ASSERT_TRUE(file->Commit().ok());
    EXPECT_EQ(*ReadFile(path, 100), "new text");
    EXPECT_EQ(dir.List(), std::vector<std::string>{"f"});
    EXPECT_EQ(file->Append("x").code(), StatusCode::kInternal);
    EXPECT_EQ(file->Commit().code(), StatusCode::kInternal);
  }
  EXPECT_EQ(*ReadFile(path, 100), "new text");
}

TEST(AtomicFile, LeavesNothingWhenDestroyed) {
  TempDir dir;
  {
    Result<AtomicFile> file = AtomicFile::Create(dir.File("f"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->Append("half").ok());
    AtomicFile moved = std::move(*file);
    ASSERT_TRUE(moved.Append("more").ok());
  }
  EXPECT_TRUE(dir.List().empty());
}

TEST(AtomicFile, ErrorsNameThePath) {
  TempDir dir;
  const Status no_folder = AtomicFile::Create(dir.File("no/f")).status();
  EXPECT_EQ(no_folder.code(), StatusCode::kInvalidInput);
  EXPECT_NE(no_folder.message().find(dir.File("no/f")), std::string::npos);
  EXPECT_EQ(AtomicFile::Create(dir.path()).status().message(),
            dir.path() + ": is a folder, cannot be written as a file");
  EXPECT_EQ(AtomicFile::Create(dir.path() + "/").status().code(), StatusCode::kInvalidInput);
}

TEST(AtomicFile, ReplacesNoDevicesAndFollowsLinks) {
  TempDir dir;
  ASSERT_EQ(mkfifo(dir.File("pipe").c_str(), 0600), 0);
  for (const std::string& path : {dir.File("pipe"), std::string("/dev/null"), std::string("/dev/full")}) {
    const Status status = AtomicFile::Create(path).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidInput);
    EXPECT_EQ(status.message(), path + ": is not a regular file, cannot be replaced by one");
  }
  const std::string target = dir.Write("target", "old");
  std::filesystem::create_symlink("target", dir.File("link"));
  ASSERT_TRUE(AtomicWrite(dir.File("link"), "new").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(dir.File("link")));
  EXPECT_EQ(*ReadFile(target, 100), "new");
  std::filesystem::create_symlink("device", dir.File("to_device"));
  std::filesystem::create_symlink("/dev/null", dir.File("device"));
  std::filesystem::create_symlink("loop", dir.File("loop"));
  std::filesystem::create_symlink("nothing", dir.File("dangling"));
  for (const char* bad : {"to_device", "loop", "dangling"}) {
    EXPECT_EQ(AtomicFile::Create(dir.File(bad)).status().code(), StatusCode::kInvalidInput) << bad;
  }
  EXPECT_EQ(dir.List().size(), 7u);  // no temporary name is left
}

TEST(AtomicFile, KeepsWhoMayRead) {
  TempDir dir;
  const std::string path = dir.Write("f", "old");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  ASSERT_TRUE(AtomicWrite(path, "new").ok());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(AtomicFile, FullDiskLeavesTheOldFile) {
  TempDir dir;
  const std::string path = dir.Write("f", "old");
  // The full disk is played by the limit on the size of files, with its signal ignored.
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 4096;
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = AtomicWrite(path, std::string(70000, 'n'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), StatusCode::kIo);
  EXPECT_EQ(status.message(), path + ": cannot be written (File too large)");
  EXPECT_EQ(*ReadFile(path, 100), "old");
  EXPECT_EQ(dir.List(), std::vector<std::string>{"f"});
  ASSERT_TRUE(AtomicWrite(path, std::string(70000, 'n')).ok());
  EXPECT_EQ(std::filesystem::file_size(path), 70000u);
}

TEST(Path, JoinAndKind) {
  TempDir dir;
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
  EXPECT_EQ(KindOf(dir.path()), FileKind::kDirectory);
  EXPECT_EQ(KindOf(dir.Write("f", "")), FileKind::kRegular);
  EXPECT_EQ(KindOf(dir.File("g")), FileKind::kMissing);
  EXPECT_EQ(KindOf(dir.File("f") + "/inside"), FileKind::kMissing);
  EXPECT_EQ(KindOf("/dev/null"), FileKind::kOther);
  // A link to nothing is not missing: a model's file that went away must not go unnoticed.
  std::filesystem::create_symlink("nothing", dir.File("dangling"));
  std::filesystem::create_symlink("loop", dir.File("loop"));
  EXPECT_EQ(KindOf(dir.File("dangling")), FileKind::kOther);
  EXPECT_EQ(KindOf(dir.File("loop")), FileKind::kOther);
}

}  // namespace
}  // namespace lacuna
