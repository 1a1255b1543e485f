// What travels down the layers: a matrix that somebody else owns.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lacuna {

enum class ElementType : uint8_t { kF32, kF16, kBf16 };

inline std::size_t ElementBytes(ElementType type) { return type == ElementType::kF32 ? 4 : 2; }

enum class MemorySpace : uint8_t { kHost, kDevice };

// [rows][cols], `stride` elements between rows.
struct View {
  void* data = nullptr;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;
  ElementType type = ElementType::kF32;
  MemorySpace space = MemorySpace::kHost;

  float* Row(int64_t row) const { return static_cast<float*>(data) + row * stride; }
  View Rows(int64_t begin, int64_t count) const {
    View v = *this;
    v.data = static_cast<std::byte*>(data) + begin * stride * static_cast<int64_t>(ElementBytes(type));
    v.rows = count;
    return v;
  }
};

inline View F32View(float* data, int64_t rows, int64_t cols) {
  return {.data = data, .rows = rows, .cols = cols, .stride = cols};
}

}  // namespace lacuna
