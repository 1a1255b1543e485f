#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "base/status_macros.h"

namespace lacuna {
namespace {

std::string Reason(int error) {
  char buffer[256];
  return strerror_r(error, buffer, sizeof buffer);  // the GNU form: returns the text
}

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

// Opens a regular file for reading and tells its size. A pipe or device is refused before it could block.
Result<int> OpenRegular(const std::string& path, size_t* size) {
  if (path.find('\0') != std::string::npos) return InvalidInput("a path holds a zero byte");
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT || error == ENOTDIR) return InvalidInput(path + ": no such file");
    if (error == EACCES || error == EPERM || error == ELOOP || error == ENAMETOOLONG || error == ENXIO)
      return InvalidInput(path + ": cannot be opened (" + Reason(error) + ")");
    return IoError(path + ": cannot be opened (" + Reason(error) + ")");
  }
  struct stat info;
  if (fstat(fd, &info) != 0) {
    const int error = errno;
    close(fd);
    return IoError(path + ": cannot be examined (" + Reason(error) + ")");
  }
  if (!S_ISREG(info.st_mode)) {
    close(fd);
    return InvalidInput(path + (S_ISDIR(info.st_mode) ? ": is a folder, not a file" : ": is not a regular file"));
  }
  *size = static_cast<size_t>(info.st_size);
  return fd;
}

}  // namespace

Result<MappedFile> MappedFile::Open(const std::string& path) {
  size_t size = 0;
  LACUNA_ASSIGN_OR_RETURN(int raw, OpenRegular(path, &size));
  Descriptor fd(raw);
  if (size == 0) return InvalidInput(path + ": the file is empty");
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) {
    const int error = errno;
    if (error == ENOMEM) return OutOfMemory(path + ": no address space to map " + std::to_string(size) + " bytes");
    return IoError(path + ": cannot be mapped (" + Reason(error) + ")");
  }
  MappedFile file;
  file.data_ = static_cast<const std::byte*>(data);
  file.size_ = size;
  file.path_ = path;
  return file;
}

MappedFile::~MappedFile() {
  if (data_) munmap(const_cast<std::byte*>(data_), size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}

void MappedFile::DontNeed(std::span<const std::byte> part) const {
  // Only pages that lie inside the part as a whole: neighbours keep theirs.
  const uintptr_t page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
  const uintptr_t end = reinterpret_cast<uintptr_t>(part.data() + part.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

Result<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  size_t size = 0;
  LACUNA_ASSIGN_OR_RETURN(int raw, OpenRegular(path, &size));
  Descriptor fd(raw);
  const auto too_large = [&] {
    return InvalidInput(path + ": larger than the " + std::to_string(max_bytes) + " bytes that such a file may have");
  };
  if (size > max_bytes) return too_large();
  // The size is a hint: files that grow, and those of /proc with size 0, are read to their end.
  std::string content(size, '\0');
  size_t done = 0;
  while (true) {
    if (done == content.size()) content.resize(std::min(max_bytes + 1, done + (done == size ? 1 : 65536)));
    const ssize_t n = read(fd.get(), content.data() + done, content.size() - done);
    if (n < 0) {
      if (errno == EINTR) continue;
      return IoError(path + ": cannot be read (" + Reason(errno) + ")");
    }
    if (n == 0) break;
    done += static_cast<size_t>(n);
    if (done > max_bytes) return too_large();
  }
  content.resize(done);
  return content;
}

FileKind KindOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    // A link that leads nowhere, or a folder that may not be looked into: whoever opens it is told why.
    const bool missing = (errno == ENOENT || errno == ENOTDIR) && lstat(path.c_str(), &info) != 0;
    return missing ? FileKind::kMissing : FileKind::kOther;
  }
  if (S_ISREG(info.st_mode)) return FileKind::kRegular;
  return S_ISDIR(info.st_mode) ? FileKind::kDirectory : FileKind::kOther;
}

std::string JoinPath(std::string_view dir, std::string_view name) {
  std::string path(dir);
  if (!path.empty() && path.back() != '/') path += '/';
  return path += name;
}

Result<AtomicFile> AtomicFile::Create(const std::string& path) {
  static std::atomic<unsigned> counter{0};  // names only: two writers in one process must not share a temporary
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  if (name == path.size()) return InvalidInput("\"" + path + "\": no file name to write to");
  if (path.find('\0') != std::string::npos) return InvalidInput("a path holds a zero byte");
  struct stat old;
  const bool exists = lstat(path.c_str(), &old) == 0;
  if (exists && S_ISLNK(old.st_mode)) {
    // The rename would put a file in the link's place; what the link means is the file behind it.
    char* target = realpath(path.c_str(), nullptr);
    if (target == nullptr) return InvalidInput(path + ": is a link that leads to no file (" + Reason(errno) + ")");
    const std::string real = target;
    free(target);
    return Create(real);
  }
  if (exists && S_ISDIR(old.st_mode)) return InvalidInput(path + ": is a folder, cannot be written as a file");
  // A device or pipe would be gone for everybody.
  if (exists && !S_ISREG(old.st_mode)) return InvalidInput(path + ": is not a regular file, cannot be replaced by one");
  if (exists && access(path.c_str(), W_OK) != 0) return IoError(path + ": cannot be written (" + Reason(errno) + ")");
  AtomicFile file;
  file.path_ = path;
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string temporary = path.substr(0, name) + "." + path.substr(name) + ".tmp" + std::to_string(getpid()) + "." +
                            std::to_string(counter.fetch_add(1));
    const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) {
      if (exists) (void)!fchmod(fd, old.st_mode & 0777);  // who may read it stays so
      file.fd_ = fd;
      file.temporary_ = std::move(temporary);
      return file;
    }
    if (errno == EEXIST) continue;  // left behind by a killed process with the same id
    const int error = errno;
    const std::string message = path + ": cannot be written (" + Reason(error) + ")";
    return error == ENOENT || error == ENOTDIR ? InvalidInput(message + "; the folder must exist") : IoError(message);
  }
  return IoError(path + ": cannot be written (every temporary name is taken)");
}

AtomicFile::~AtomicFile() { Discard(); }

AtomicFile::AtomicFile(AtomicFile&& other) noexcept { *this = std::move(other); }

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  std::swap(temporary_, other.temporary_);
  return *this;
}

void AtomicFile::Discard() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  if (!temporary_.empty()) unlink(temporary_.c_str());
  temporary_.clear();
}

Status AtomicFile::Append(std::span<const std::byte> data) {
  if (fd_ < 0) return InternalError(path_ + ": written to after it was committed");
  while (!data.empty()) {
    const ssize_t n = write(fd_, data.data(), data.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return IoError(path_ + ": cannot be written (" + Reason(errno) + ")");
    }
    size_ += static_cast<uint64_t>(n);
    data = data.subspan(static_cast<size_t>(n));
  }
  return {};
}

Status AtomicFile::WriteAt(uint64_t offset, std::string_view text) {
  if (fd_ < 0 || offset > size_ || text.size() > size_ - offset)
    return InternalError(path_ + ": written outside of it");
  while (!text.empty()) {
    const ssize_t n = pwrite(fd_, text.data(), text.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return IoError(path_ + ": cannot be written (" + Reason(errno) + ")");
    }
    offset += static_cast<uint64_t>(n);
    text.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status AtomicFile::Commit() {
  if (fd_ < 0) return InternalError(path_ + ": committed twice");
  const bool synced = fsync(fd_) == 0;
  int error = errno;
  const bool closed = close(fd_) == 0;
  if (synced && !closed) error = errno;
  fd_ = -1;
  if (synced && closed) {
    if (rename(temporary_.c_str(), path_.c_str()) == 0) {
      temporary_.clear();
      // The rename itself must survive a power cut too. Some file systems cannot sync a folder: not an error.
      const size_t slash = path_.rfind('/');
      Descriptor dir(open(slash == std::string::npos ? "." : path_.substr(0, slash + 1).c_str(), O_RDONLY | O_CLOEXEC));
      if (dir.get() >= 0) fsync(dir.get());
      return {};
    }
    error = errno;
  }
  Discard();
  return IoError(path_ + ": cannot be written (" + Reason(error) + ")");
}

Status AtomicWrite(const std::string& path, std::string_view content) {
  LACUNA_ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  LACUNA_RETURN_IF_ERROR(file.Append(content));
  return file.Commit();
}

}  // namespace lacuna
