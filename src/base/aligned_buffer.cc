#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "base/memory.h"

namespace lacuna {
namespace {

constexpr size_t kPage = 4096;

Status Failed(size_t bytes, std::string_view what) {
  return OutOfMemory("cannot allocate " + FormatBytes(bytes) + " for the " + std::string(what) +
                     ": use a smaller model or context, or free memory");
}

}  // namespace

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  if (this != &other) {
    Free();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

Result<AlignedBuffer> AlignedBuffer::Create(size_t bytes, std::string_view what) {
  // The bound keeps the roundings below from wrapping; no address space has half of it.
  if (bytes > std::numeric_limits<size_t>::max() / 4) return Failed(bytes, what);
  AlignedBuffer buffer;
  buffer.size_ = bytes;
  if (bytes < kHugePage) {
    const size_t length = (bytes + kTail + kAlignment - 1) / kAlignment * kAlignment;
    void* data = std::aligned_alloc(kAlignment, length);
    if (data == nullptr) return Failed(bytes, what);
    std::memset(data, 0, length);
    buffer.data_ = static_cast<std::byte*>(data);
    return buffer;
  }
  // Map one huge page too much and give both ends back, so that what stays starts at a multiple of 2 MiB.
  const size_t length = (bytes + kTail + kPage - 1) / kPage * kPage;
  void* mapping = mmap(nullptr, length + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) return Failed(bytes, what);
  const uintptr_t start = reinterpret_cast<uintptr_t>(mapping);
  const uintptr_t aligned = (start + kHugePage - 1) / kHugePage * kHugePage;
  if (aligned > start) munmap(mapping, aligned - start);
  const uintptr_t end = start + length + kHugePage;
  if (end > aligned + length) munmap(reinterpret_cast<void*>(aligned + length), end - aligned - length);
  buffer.data_ = reinterpret_cast<std::byte*>(aligned);
  buffer.mapped_ = length;
  madvise(buffer.data_, length, MADV_HUGEPAGE);  // advice only: without huge pages the buffer is slower, not wrong
  return buffer;
}

void AlignedBuffer::Free() {
  if (mapped_ > 0) {
    munmap(data_, mapped_);
  } else {
    std::free(data_);
  }
  data_ = nullptr;
  size_ = mapped_ = 0;
}

}  // namespace lacuna
