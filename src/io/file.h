// Files: read-only mappings, whole small files, and files that appear complete or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "lacuna/status.h"

namespace lacuna {

// A whole file mapped read-only (4 KiB pages, read on first touch). Move-only; the bytes live as long as the object.
// Whoever shortens the file meanwhile makes later reads fault, as with every mapping.
class MappedFile {
 public:
  // kInvalidInput for what is missing, unreadable, empty or no regular file: the message names path and reason.
  static Result<MappedFile> Open(const std::string& path);

  MappedFile() = default;
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  size_t size() const { return size_; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }

  // The reader is through with this part: its pages may be dropped from memory (they are read again if touched).
  void DontNeed(std::span<const std::byte> part) const;

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::string path_;
};

// The whole content; a file above `max_bytes` is an error. An empty file is "".
Result<std::string> ReadFile(const std::string& path, size_t max_bytes);

enum class FileKind { kMissing, kRegular, kDirectory, kOther };
FileKind KindOf(const std::string& path);  // follows links

// dir + "/" + name.
std::string JoinPath(std::string_view dir, std::string_view name);

// Writes a file under a temporary name in the same folder; Commit puts it in place with one rename, so that readers
// see the old file or the whole new one. Destroyed without Commit it leaves nothing behind.
class AtomicFile {
 public:
  static Result<AtomicFile> Create(const std::string& path);

  AtomicFile() = default;
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;

  Status Append(std::span<const std::byte> data);
  Status Append(std::string_view text) { return Append(std::as_bytes(std::span(text.data(), text.size()))); }
  // Over bytes that were appended before.
  Status WriteAt(uint64_t offset, std::string_view text);
  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

  // fsync, rename, fsync of the folder. Nothing can be appended afterwards.
  Status Commit();

 private:
  void Discard();

  int fd_ = -1;
  uint64_t size_ = 0;
  std::string path_;
  std::string temporary_;
};

// The whole file at once, the same way.
Status AtomicWrite(const std::string& path, std::string_view content);

}  // namespace lacuna
