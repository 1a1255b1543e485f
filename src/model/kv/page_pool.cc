#include "model/kv/page_pool.h"

#include <algorithm>
#include <cassert>

#include "base/memory.h"
#include "base/status_macros.h"

namespace lacuna {

Status PagePool::Reserve(int64_t pages) {
  std::lock_guard lock(mutex_);
  const int64_t have = static_cast<int64_t>(references_.size());
  const int64_t missing = reserved_ + pages - have;
  if (missing > 0) {
    const uint64_t available = BytesAvailable();
    if (static_cast<uint64_t>(missing) > available / page_bytes_) {
      return InvalidInput("the context needs " + FormatBytes(static_cast<uint64_t>(missing) * page_bytes_) +
                          " of KV cache, but only " + FormatBytes(available) +
                          " of memory are available: ask for a smaller context (-c)");
    }
    LACUNA_ASSIGN_OR_RETURN(AlignedBuffer memory,
                            AlignedBuffer::Create(static_cast<std::size_t>(missing) * page_bytes_, "KV cache"));
    slabs_.push_back({static_cast<Page>(have), std::move(memory)});
    references_.resize(static_cast<std::size_t>(have + missing), 0);
    free_.reserve(references_.size());
    for (Page p = static_cast<Page>(have + missing - 1); p >= have; --p) free_.push_back(p);
  }
  reserved_ += pages;
  return {};
}

void PagePool::Unreserve(int64_t pages) {
  std::lock_guard lock(mutex_);
  reserved_ -= pages;
}

PagePool::Page PagePool::Acquire() {
  std::lock_guard lock(mutex_);
  assert(!free_.empty());
  const Page page = free_.back();
  free_.pop_back();
  references_[page] = 1;
  return page;
}

void PagePool::AddRef(Page page) {
  std::lock_guard lock(mutex_);
  ++references_[page];
}

void PagePool::Release(Page page) {
  std::lock_guard lock(mutex_);
  if (--references_[page] == 0) free_.push_back(page);
}

bool PagePool::shared(Page page) const {
  std::lock_guard lock(mutex_);
  return references_[page] > 1;
}

std::byte* PagePool::data(Page page) {
  std::lock_guard lock(mutex_);
  auto slab = std::upper_bound(slabs_.begin(), slabs_.end(), page, [](Page p, const Slab& s) { return p < s.first; });
  --slab;
  return slab->memory.data() + static_cast<std::size_t>(page - slab->first) * page_bytes_;
}

}  // namespace lacuna
