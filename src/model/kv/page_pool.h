// Pages of 64 tokens, reference-counted, shared by the sessions of a model. Memory is reserved up front, so that
// taking and returning pages while decoding allocates nothing. Thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/aligned_buffer.h"
#include "lacuna/status.h"

namespace lacuna {

class PagePool {
 public:
  using Page = int32_t;

  explicit PagePool(std::size_t page_bytes) : page_bytes_(page_bytes) {}

  std::size_t page_bytes() const { return page_bytes_; }

  // Guarantees `pages` more for the caller. kInvalidInput when the machine has not that much memory left.
  Status Reserve(int64_t pages);
  // Gives a reservation back; all of its pages were released before.
  void Unreserve(int64_t pages);

  // A page with one reference and finite content. Within the caller's reservation this cannot fail.
  Page Acquire();
  void AddRef(Page page);
  void Release(Page page);
  bool shared(Page page) const;
  std::byte* data(Page page);

 private:
  const std::size_t page_bytes_;
  mutable std::mutex mutex_;
  struct Slab {
    Page first;
    AlignedBuffer memory;
  };
  std::vector<Slab> slabs_;
  std::vector<int32_t> references_;
  std::vector<Page> free_;  // capacity for every page
  int64_t reserved_ = 0;
};

}  // namespace lacuna
