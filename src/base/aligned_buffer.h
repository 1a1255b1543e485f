// AlignedBuffer: owned, zero-filled bytes for weights, KV pages and arenas.
//
//   below 2 MiB   aligned to 64 bytes, from the heap
//   from 2 MiB    mmap aligned to 2 MiB with madvise(MADV_HUGEPAGE): streaming reads then walk few TLB entries
//   both          64 readable zero bytes after size(), so that a kernel may read a whole vector at the end
//
// Pages of a large buffer cost memory only once touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/memory.h"  // IWYU pragma: export (BytesAvailable: callers ask before they create)
#include "lacuna/status.h"

namespace lacuna {

class AlignedBuffer {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kTail = 64;                   // readable bytes after the end
  static constexpr size_t kHugePage = size_t{2} << 20;  // from this size on, huge pages are asked for

  AlignedBuffer() = default;
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;
  ~AlignedBuffer() { Free(); }

  // `what` names the buffer's purpose in the error ("KV cache"): kOutOfMemory with the size asked. Size 0 is fine.
  static Result<AlignedBuffer> Create(size_t bytes, std::string_view what);

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }  // bytes asked for
  bool empty() const { return size_ == 0; }

  // `count` elements of T from byte `offset`, which is a multiple of T's alignment.
  template <typename T>
  std::span<T> Span(size_t offset, size_t count) {
    LACUNA_DCHECK(offset % alignof(T) == 0 && offset <= size_ && count <= (size_ - offset) / sizeof(T));
    return {reinterpret_cast<T*>(data_ + offset), count};
  }
  template <typename T>
  std::span<const T> Span(size_t offset, size_t count) const {
    LACUNA_DCHECK(offset % alignof(T) == 0 && offset <= size_ && count <= (size_ - offset) / sizeof(T));
    return {reinterpret_cast<const T*>(data_ + offset), count};
  }
  // The whole buffer as T.
  template <typename T>
  std::span<T> As() {
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }
  template <typename T>
  std::span<const T> As() const {
    return {reinterpret_cast<const T*>(data_), size_ / sizeof(T)};
  }

 private:
  void Free();

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // bytes of the mapping, 0 when the heap owns it
};

}  // namespace lacuna
