#include "tools/line_history.h"

#include <fcntl.h>
#include <histedit.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "io/file.h"

namespace lacuna::tools {
namespace {

constexpr std::string_view kFirstLine = "_HiStOrY_V2_\n";  // libedit's
constexpr size_t kMaxFile = size_t{64} << 20;

// The file, locked. It is another one when it was written anew while the lock was waited for.
class LockedFile {
 public:
  explicit LockedFile(const std::string& name) {
    for (int tries = 0; tries < 100 && fd_ < 0; ++tries) {
      fd_ = open(name.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      if (fd_ < 0) return;
      struct stat ours {
      }, named{};
      if (flock(fd_, LOCK_EX) == 0 && fstat(fd_, &ours) == 0 && S_ISREG(ours.st_mode) &&
          stat(name.c_str(), &named) == 0 && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
        return;
      close(std::exchange(fd_, -1));
    }
  }
  ~LockedFile() {
    if (fd_ >= 0) close(fd_);
  }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;

  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace

std::string ChatHistoryFile() {
  namespace fs = std::filesystem;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  // The XDG specification has relative paths ignored.
  fs::path state = variable("XDG_STATE_HOME");
  if (!state.is_absolute()) {
    const fs::path home = variable("HOME");
    if (!home.is_absolute() || KindOf(home) != FileKind::kDirectory) return "";
    state = home / ".local" / "state";
  }
  const fs::path folder = state / "lacuna";
  std::error_code error;
  if (fs::create_directories(folder, error)) fs::permissions(folder, fs::perms::owner_all, error);
  return fs::is_directory(folder, error) ? (folder / "chat_history").string() : "";
}

LineHistory::LineHistory(const std::string& file) : file_(file), history_(history_init()) {
  HistEvent event;
  history(history_, &event, H_SETSIZE, kLines);
  history(history_, &event, H_SETUNIQUE, 1);
  if (!file_.empty()) Load();
}

LineHistory::~LineHistory() { history_end(history_); }

void LineHistory::Load() {
  const LockedFile locked(file_);
  if (locked.fd() < 0) return;
  const auto text = ReadFile(file_, kMaxFile);
  if (text.ok() && text->empty()) return;
  HistEvent event;
  const bool readable =
      text.ok() && text->starts_with(kFirstLine) && history(history_, &event, H_LOAD, file_.c_str()) >= 0;
  // What is no history would take up no lines either.
  if (!readable || std::count(text->begin(), text->end(), '\n') > kLinesInFile) Rewrite();
}

void LineHistory::Rewrite() {
  const std::string temporary = file_ + "." + std::to_string(getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  FILE* out = fd < 0 ? nullptr : fdopen(fd, "w");
  if (out == nullptr) {
    if (fd >= 0) close(fd);
    return;
  }
  HistEvent event;
  bool written = history(history_, &event, H_SAVE_FP, out) >= 0;
  written = std::fclose(out) == 0 && written;
  if (!written || std::rename(temporary.c_str(), file_.c_str()) != 0) std::remove(temporary.c_str());
}

void LineHistory::Append(const std::string& line) {
  const LockedFile locked(file_);
  if (locked.fd() < 0) return;
  struct stat before {};
  FILE* out = fstat(locked.fd(), &before) == 0 ? fdopen(dup(locked.fd()), "a+") : nullptr;
  if (out == nullptr) return;
  // A line that was cut off, by a full disk or a crash, ends here.
  bool written = true;
  if (before.st_size > 0) {
    char last = '\n';
    written = pread(locked.fd(), &last, 1, before.st_size - 1) == 1 && (last == '\n' || std::fputc('\n', out) != EOF);
  }
  written = written && std::fseek(out, 0, SEEK_END) == 0;  // libedit writes its first line where the position is 0
  // A list of its own, as H_NSAVE_FP writes one line more than it is told (libedit 3.1-20221030).
  struct history* one = history_init();
  HistEvent event;
  history(one, &event, H_SETSIZE, 1);
  written = written && history(one, &event, H_ENTER, line.c_str()) >= 0 && history(one, &event, H_SAVE_FP, out) >= 0;
  history_end(one);
  written = std::fclose(out) == 0 && written;
  if (!written) (void)!ftruncate(locked.fd(), before.st_size);
}

void LineHistory::Add(const std::string& line) {
  HistEvent event;
  // A line that equals the last one does not come twice.
  if (history(history_, &event, H_FIRST) >= 0 && line == event.str) return;
  if (history(history_, &event, H_ENTER, line.c_str()) >= 0 && !file_.empty()) Append(line);
}

}  // namespace lacuna::tools
