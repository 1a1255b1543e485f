#include "io/dtype.h"

#include <cstddef>
#include <iterator>

namespace lacuna {
namespace {

struct Row {
  const char* name;
  int bits;
  TypeBlock block;
  int ggml;  // its number in GGUF files, or -1
};
constexpr Row kRows[] = {
    {"F64", 64, {1, 8}, 28},       {"F32", 32, {1, 4}, 0},         {"F16", 16, {1, 2}, 1},
    {"BF16", 16, {1, 2}, 30},      {"I64", 64, {1, 8}, 27},        {"I32", 32, {1, 4}, 26},
    {"I16", 16, {1, 2}, 25},       {"I8", 8, {1, 1}, 24},          {"U64", 64, {1, 8}, -1},
    {"U32", 32, {1, 4}, -1},       {"U16", 16, {1, 2}, -1},        {"U8", 8, {1, 1}, -1},
    {"BOOL", 8, {1, 1}, -1},       {"F8_E4M3", 8, {1, 1}, -1},     {"F8_E5M2", 8, {1, 1}, -1},
    {"F8_E8M0", 8, {1, 1}, -1},    {"F8_E4M3FNUZ", 8, {1, 1}, -1}, {"F8_E5M2FNUZ", 8, {1, 1}, -1},
    {"F6_E2M3", 6, {4, 3}, -1},    {"F6_E3M2", 6, {4, 3}, -1},     {"F4", 4, {2, 1}, -1},
    {"C64", 64, {1, 8}, -1},       {"Q4_0", 0, {32, 18}, 2},       {"Q4_1", 0, {32, 20}, 3},
    {"Q5_0", 0, {32, 22}, 6},      {"Q5_1", 0, {32, 24}, 7},       {"Q8_0", 0, {32, 34}, 8},
    {"Q4_K", 0, {256, 144}, 12},   {"Q5_K", 0, {256, 176}, 13},    {"Q6_K", 0, {256, 210}, 14},
    {"Q2_K", 0, {256, 84}, 10},    {"Q3_K", 0, {256, 110}, 11},    {"IQ2_XXS", 0, {256, 66}, 16},
    {"IQ2_XS", 0, {256, 74}, 17},  {"IQ3_XXS", 0, {256, 98}, 18},  {"IQ1_S", 0, {256, 50}, 19},
    {"IQ4_NL", 0, {32, 18}, 20},   {"IQ3_S", 0, {256, 110}, 21},   {"IQ2_S", 0, {256, 82}, 22},
    {"IQ4_XS", 0, {256, 136}, 23}, {"IQ1_M", 0, {256, 56}, 29},    {"TQ1_0", 0, {256, 54}, 34},
    {"TQ2_0", 0, {256, 66}, 35},   {"MXFP4", 0, {32, 17}, 39},     {"NVFP4", 0, {64, 36}, 40},
    {"Q1_0", 0, {128, 18}, 41},
};
static_assert(std::size(kRows) == static_cast<std::size_t>(DType::kQ1_0) + 1);
constexpr std::size_t kSafetensorsTypes = static_cast<std::size_t>(DType::kC64) + 1;

const Row& RowOf(DType type) { return kRows[static_cast<std::size_t>(type)]; }

}  // namespace

std::string_view DTypeName(DType type) { return RowOf(type).name; }
int DTypeBits(DType type) { return RowOf(type).bits; }
bool IsWeightType(DType type) { return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16; }
TypeBlock DTypeBlock(DType type) { return RowOf(type).block; }
bool IsBlockWeightType(DType type) { return type >= DType::kQ4_0 && type <= DType::kQ6_K; }

std::optional<DType> ParseDType(std::string_view name) {
  for (std::size_t i = 0; i < kSafetensorsTypes; ++i)
    if (name == kRows[i].name) return static_cast<DType>(i);
  return std::nullopt;
}

std::optional<DType> GgmlType(uint32_t number) {
  for (std::size_t i = 0; i < std::size(kRows); ++i)
    if (kRows[i].ggml >= 0 && number == static_cast<uint32_t>(kRows[i].ggml)) return static_cast<DType>(i);
  return std::nullopt;
}

}  // namespace lacuna
