#include "ops/kv_page.h"

#include <cstring>

#include "base/bf16.h"
#include "kernels/attention.h"

namespace lacuna {

std::size_t KvLayout::HeadBytes() const {
  if (type == ElementType::kF32) return std::size_t{2} * kernels::kPageTokens * head_dim * sizeof(float);
  return static_cast<std::size_t>(kernels::KeyElements(head_dim) + kernels::ValueElements(head_dim)) * sizeof(bf16);
}

void WriteToken(const KvLayout& layout, void* page, int slot, const float* k, const float* v,
                const kernels::ElementwiseKernels& kernels) {
  const int d = layout.head_dim;
  for (int head = 0; head < layout.kv_heads; ++head, k += d, v += d) {
    std::byte* base = static_cast<std::byte*>(page) + head * layout.HeadBytes();
    if (layout.type == ElementType::kF32) {
      float* keys = reinterpret_cast<float*>(base);
      std::memcpy(keys + slot * d, k, d * sizeof(float));
      std::memcpy(keys + (lacuna::kernels::kPageTokens + slot) * d, v, d * sizeof(float));
      continue;
    }
    kernels.write_token(k, v, d, slot, reinterpret_cast<bf16*>(base));
  }
}

void ClearToken(const KvLayout& layout, void* page, int slot) {
  const int d = layout.head_dim;
  for (int head = 0; head < layout.kv_heads; ++head) {
    std::byte* base = static_cast<std::byte*>(page) + head * layout.HeadBytes();
    if (layout.type == ElementType::kF32) {
      float* keys = reinterpret_cast<float*>(base);
      std::memset(keys + slot * d, 0, d * sizeof(float));
      std::memset(keys + (kernels::kPageTokens + slot) * d, 0, d * sizeof(float));
      continue;
    }
    bf16* keys = reinterpret_cast<bf16*>(base);
    bf16* values = keys + kernels::KeyElements(d);
    for (int i = 0; i < d; ++i) {
      keys[kernels::KeyOffset(slot, i, d)] = bf16{0};
      values[kernels::ValueOffset(slot, i)] = bf16{0};
    }
  }
}

}  // namespace lacuna
