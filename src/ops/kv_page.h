// How a page of 64 tokens is stored: which type, and where a KV head's K and V begin. kernels/attention.h draws it.
#pragma once

#include <cstddef>

#include "backend/view.h"
#include "kernels/elementwise.h"

namespace lacuna {

struct KvLayout {
  ElementType type = ElementType::kBf16;  // kBf16, or kF32 in f32 mode
  int kv_heads = 0;
  int head_dim = 0;

  std::size_t HeadBytes() const;  // K and V of one head in one page
  std::size_t PageBytes() const { return HeadBytes() * static_cast<std::size_t>(kv_heads); }
};

// Stores one token's K (after rope) and V, [kv_heads][head_dim] fp32 each, in `slot` (0 to 63) of `page`, rounded to
// the page's type.
void WriteToken(const KvLayout& layout, void* page, int slot, const float* k, const float* v,
                const kernels::ElementwiseKernels& kernels = kernels::kElementwiseRef);
// Zeroes one token's slot.
void ClearToken(const KvLayout& layout, void* page, int slot);

}  // namespace lacuna
