// Linear layers of real models, and the values that every engine multiplies, so that their results can be compared.
#pragma once

#include <cstdint>
#include <cstring>

namespace lacuna::bench {

struct LinearShape {
  const char* name;
  int n, k;
};

// q, k and v side by side, gate and up side by side.
inline constexpr LinearShape kLinearShapes[] = {
    {"llama-1b/qkv", 3072, 2048},   {"llama-1b/o", 2048, 2048},         {"llama-1b/gate_up", 16384, 2048},
    {"llama-1b/down", 2048, 8192},  {"llama-1b/lm_head", 128256, 2048}, {"llama-3b/qkv", 5120, 3072},
    {"llama-3b/o", 3072, 3072},     {"llama-3b/gate_up", 16384, 3072},  {"llama-3b/down", 3072, 8192},
    {"llama-8b/qkv", 6144, 4096},   {"llama-8b/o", 4096, 4096},         {"llama-8b/gate_up", 28672, 4096},
    {"llama-8b/down", 4096, 14336}, {"llama-8b/lm_head", 128256, 4096}, {"qwen-4b/qkv", 6144, 2560},
    {"qwen-4b/o", 2560, 4096},      {"qwen-4b/gate_up", 19456, 2560},   {"qwen-4b/down", 2560, 9728},
    {"qwen-7b/qkv", 4608, 3584},    {"qwen-7b/gate_up", 37888, 3584},   {"qwen-7b/down", 3584, 18944},
};
inline constexpr int kLinearRows[] = {1, 2, 4, 8, 16, 32, 64, 512};

// A set larger than any cache: copies of the layer that are used in turn.
inline constexpr int64_t kSetBytes = (int64_t{1} << 30) + (int64_t{64} << 20);
inline int Copies(const LinearShape& shape) {
  const int64_t bytes = int64_t{2} * shape.n * shape.k;
  return static_cast<int>((kSetBytes + bytes - 1) / bytes);
}

// Values in [-1, 1) with seven bits, exact in bf16: by index alone.
inline float ValueAt(uint64_t index) {
  uint64_t h = index * 0x9e3779b97f4a7c15u;
  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9u;
  return static_cast<float>(static_cast<int64_t>(h >> 57) - 64) / 64;
}
inline float WeightAt(const LinearShape& shape, int64_t n, int64_t k) {
  return ValueAt(static_cast<uint64_t>(n * shape.k + k)) / 16;
}
inline float InputAt(const LinearShape& shape, int64_t row, int64_t k) {
  return ValueAt(0x100000000000u + static_cast<uint64_t>(row * shape.k + k));
}
inline uint16_t ToBf16(float value) {  // of a value that bf16 holds
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  return static_cast<uint16_t>(bits >> 16);
}

// The sum of y[row][n] weighted by n, over rows 0 and m - 1: tells layouts and transposes apart.
template <class At>
double Checksum(const LinearShape& shape, int m, At y) {
  double sum = 0;
  for (int row : {0, m - 1}) {
    for (int n = 0; n < shape.n; ++n) sum += y(row, n) * (1 + n % 7);
  }
  return sum;
}

}  // namespace lacuna::bench
