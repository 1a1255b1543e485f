// A KV stream of one head as attention kernels see it, filled from row-major K and V by the layouts alone.
#pragma once

#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "kernels/attention.h"
#include "tests/support/guard.h"

namespace lacuna::testing {

// Every page lies between guard pages of its own and starts `page_offset` bytes before the head's K; slots without a
// token hold `filler`, which a kernel must not let through.
class KvPages {
 public:
  // k, v: [tokens][head_dim]; rounded to bf16, or kept for f32 pages.
  KvPages(std::span<const float> k, std::span<const float> v, int head_dim, bool f32, std::ptrdiff_t page_offset = 0,
          float filler = 1000.0f) {
    const int tokens = static_cast<int>(k.size()) / head_dim;
    const std::ptrdiff_t keys = f32 ? kernels::kPageTokens * head_dim : kernels::KeyElements(head_dim);
    const std::ptrdiff_t values = f32 ? kernels::kPageTokens * head_dim : kernels::ValueElements(head_dim);
    const std::size_t bytes = static_cast<std::size_t>(keys + values) * (f32 ? 4 : 2) + page_offset;
    for (int base = 0; base < tokens; base += kernels::kPageTokens) {
      auto* page = static_cast<std::byte*>(
          memory_.emplace_back(std::make_unique<GuardedBytes>(bytes))->Place(bytes, GuardSide::kAfter));
      pages_.push_back(page);
      for (int slot = 0; slot < kernels::kPageTokens; ++slot) {
        for (int dim = 0; dim < head_dim; ++dim) {
          const bool held = base + slot < tokens;
          const std::ptrdiff_t from = static_cast<std::ptrdiff_t>(base + slot) * head_dim + dim;
          const float key = held ? k[from] : filler, value = held ? v[from] : filler;
          if (f32) {
            auto* head = reinterpret_cast<float*>(page + page_offset);
            head[slot * head_dim + dim] = key;
            head[keys + slot * head_dim + dim] = value;
          } else {
            auto* head = reinterpret_cast<bf16*>(page + page_offset);
            head[kernels::KeyOffset(slot, dim, head_dim)] = ToBf16(key);
            head[keys + kernels::ValueOffset(slot, dim)] = ToBf16(value);
          }
        }
      }
    }
  }

  const void* const* pages() const { return pages_.data(); }
  std::size_t count() const { return pages_.size(); }
  // Forgets a page that the kernel must not read.
  void Drop(std::size_t page) {
    pages_[page] = nullptr;
    memory_[page].reset();
  }

 private:
  std::vector<std::unique_ptr<GuardedBytes>> memory_;
  std::vector<const void*> pages_;
};

}  // namespace lacuna::testing
