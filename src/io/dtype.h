// The types that tensors are stored in: those of safetensors, and the block types of GGUF, where some weights of a row
// share scales (https://github.com/ggml-org/ggml, ggml-common.h has their layouts).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace lacuna {

// clang-format off
enum class DType : uint8_t {
  kF64, kF32, kF16, kBF16,
  kI64, kI32, kI16, kI8,
  kU64, kU32, kU16, kU8,
  kBool,
  kF8E4M3, kF8E5M2, kF8E8M0, kF8E4M3FNUZ, kF8E5M2FNUZ,
  kF6E2M3, kF6E3M2, kF4,
  kC64,
  // GGUF only; weights are read from the first eight.
  kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ8_0, kQ4_K, kQ5_K, kQ6_K,
  kQ2_K, kQ3_K, kIQ2_XXS, kIQ2_XS, kIQ3_XXS, kIQ1_S, kIQ4_NL, kIQ3_S, kIQ2_S, kIQ4_XS, kIQ1_M,
  kTQ1_0, kTQ2_0, kMXFP4, kNVFP4, kQ1_0,
};
// clang-format on

std::string_view DTypeName(DType type);  // as in the files: "BF16"
int DTypeBits(DType type);               // of one element; 0 for block types
// Of safetensors.
std::optional<DType> ParseDType(std::string_view name);
// Floating point types that weights are read from: F32, F16, BF16.
bool IsWeightType(DType type);

// Elements that are stored together, and their bytes; 1 and their size for types of whole bytes.
struct TypeBlock {
  int elements;
  int bytes;
};
TypeBlock DTypeBlock(DType type);
// Block types that weights are read from, converted as weights/ggml_blocks.h does.
bool IsBlockWeightType(DType type);

// The type with this number in GGUF files (ggml's enum), nullopt if there is none that files have.
std::optional<DType> GgmlType(uint32_t number);

}  // namespace lacuna
