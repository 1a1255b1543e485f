#include "weights/ggml_blocks.h"

#include <cstring>

#include "base/f16.h"

namespace lacuna {
namespace {

float Half(const std::byte* at) {
  uint16_t bits;
  std::memcpy(&bits, at, 2);
  return F16ToFloat(bits);
}

int Byte(const std::byte* at, int i) { return static_cast<int>(at[i]); }
int Signed(const std::byte* at, int i) { return static_cast<int8_t>(at[i]); }

// The 32 codes of a small block: 4 bits each, and a fifth where `fifth` is not null.
void Codes32(const std::byte* nibbles, const std::byte* fifth, int* codes) {
  uint32_t bits = 0;
  if (fifth != nullptr) std::memcpy(&bits, fifth, 4);
  for (int i = 0; i < 16; ++i) {
    codes[i] = (Byte(nibbles, i) & 15) | static_cast<int>(bits >> i & 1) << 4;
    codes[i + 16] = Byte(nibbles, i) >> 4 | static_cast<int>(bits >> (i + 16) & 1) << 4;
  }
}

void Centred32(const std::byte* block, const std::byte* nibbles, const std::byte* fifth, int centre, float* out) {
  int codes[32];
  Codes32(nibbles, fifth, codes);
  const float d = Half(block);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(codes[i] - centre);
}

void Offset32(const std::byte* block, const std::byte* nibbles, const std::byte* fifth, float* out) {
  int codes[32];
  Codes32(nibbles, fifth, codes);
  const float d = Half(block), m = Half(block + 2);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(codes[i]) + m;
}

// Scale and offset j of 8, six bits each: the first four of both in the low bits of bytes 0-3 and 4-7, the others in
// halves of bytes 8-11 with their upper bits in what is left of bytes 0-7.
void ScaleAndOffset(const std::byte* packed, int j, int* scale, int* offset) {
  if (j < 4) {
    *scale = Byte(packed, j) & 63;
    *offset = Byte(packed, j + 4) & 63;
  } else {
    *scale = (Byte(packed, j + 4) & 15) | (Byte(packed, j - 4) >> 6) << 4;
    *offset = Byte(packed, j + 4) >> 4 | (Byte(packed, j) >> 6) << 4;
  }
}

void Large45(const std::byte* block, const std::byte* fifth, const std::byte* nibbles, float* out) {
  const float d = Half(block), m = Half(block + 2);
  for (int j = 0; j < 8; ++j) {
    int scale, offset;
    ScaleAndOffset(block + 4, j, &scale, &offset);
    const float s = d * static_cast<float>(scale), b = m * static_cast<float>(offset);
    const std::byte* from = nibbles + j / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      int q = j % 2 == 0 ? Byte(from, i) & 15 : Byte(from, i) >> 4;
      if (fifth != nullptr) q |= (Byte(fifth, i) >> j & 1) << 4;
      out[32 * j + i] = s * static_cast<float>(q) - b;
    }
  }
}

void Large6(const std::byte* block, float* out) {
  const std::byte *low = block, *high = block + 128, *scales = block + 192;
  const float d = Half(block + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, part = i % 128 / 32, lane = i % 32;  // four parts share the bytes of a half
    const int nibbles = Byte(low, 64 * half + 32 * (part % 2) + lane);
    const int q = (part < 2 ? nibbles & 15 : nibbles >> 4) | (Byte(high, 32 * half + lane) >> (2 * part) & 3) << 4;
    out[i] = d * static_cast<float>(Signed(scales, i / 16)) * static_cast<float>(q - 32);
  }
}

void Dequantize(const std::byte* block, DType type, float* out) {
  switch (type) {
    case DType::kQ8_0: {
      const float d = Half(block);
      for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(Signed(block, 2 + i));
      break;
    }
    case DType::kQ4_0:
      return Centred32(block, block + 2, nullptr, 8, out);
    case DType::kQ5_0:
      return Centred32(block, block + 6, block + 2, 16, out);
    case DType::kQ4_1:
      return Offset32(block, block + 4, nullptr, out);
    case DType::kQ5_1:
      return Offset32(block, block + 8, block + 4, out);
    case DType::kQ4_K:
      return Large45(block, nullptr, block + 16, out);
    case DType::kQ5_K:
      return Large45(block, block + 16, block + 48, out);
    case DType::kQ6_K:
      return Large6(block, out);
    default:
      break;
  }
}

}  // namespace

void DequantizeBlocks(const std::byte* data, DType type, int64_t count, float* out) {
  const TypeBlock block = DTypeBlock(type);
  for (int64_t i = 0; i < count; i += block.elements, data += block.bytes) Dequantize(data, type, out + i);
}

}  // namespace lacuna
