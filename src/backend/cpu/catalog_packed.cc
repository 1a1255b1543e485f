// The catalogue's rows for packed weights. Names: <tier>_linear_[bitmap_]<int8, code4 or bf16>[_bf16: activations].
#include <limits>

#include "backend/cpu/catalog.h"
#include "kernels/amx/linear.h"
#include "kernels/avx512/linear.h"
#include "kernels/avx512/linear_packed.h"
#include "kernels/avx512bf16/linear.h"
#include "kernels/ref/ref.h"
#include "kernels/simd/linear.h"
#include "kernels/simd/linear_packed.h"

namespace lacuna {
namespace {

using kernels::LinearInput;
using kernels::PackedValues;

constexpr int kAnyM = std::numeric_limits<int>::max();

// Written as rows below: what the kernels of a tier share.
constexpr LinearPackedKernel RefInt8(const char* name, PackedKind kind, KernelCounter* counter) {
  return {{name, Tier::kRef, 1, kAnyM, Crossover::kAlways, kernels::RefLinearPackedInt8, counter},
          kind,
          LinearInput::kInt8Rows,
          1,
          nullptr,
          kernels::RefInputInt8Rows,
          nullptr,
          nullptr};
}
constexpr LinearPackedKernel RefBf16(const char* name, PackedKind kind, KernelCounter* counter) {
  return {{name, Tier::kRef, 1, kAnyM, Crossover::kAlways, kernels::RefLinearPackedBf16, counter},
          kind,
          LinearInput::kRows,
          1,
          kernels::RefInputRows,
          nullptr,
          nullptr,
          nullptr};
}

constexpr LinearPackedKernel SimdInt8(const char* name, PackedKind kind, KernelCounter* counter) {
  return {{name, Tier::kSimd, 1, kAnyM, Crossover::kAlways, kernels::SimdLinearPackedInt8, counter},
          kind,
          LinearInput::kInt8Rows,
          1,
          nullptr,
          kernels::SimdInputInt8Rows,
          nullptr,
          nullptr};
}
constexpr LinearPackedKernel SimdBf16(const char* name, PackedKind kind, KernelCounter* counter) {
  return {{name, Tier::kSimd, 1, kAnyM, Crossover::kAlways, kernels::SimdLinearPackedBf16, counter},
          kind,
          LinearInput::kWide,
          3,
          kernels::SimdInputWide,
          nullptr,
          nullptr,
          nullptr};
}

// Two walk few rows: several panels side by side, or one after the other, which some processors want.
constexpr LinearPackedKernel Avx512Int8Rows(const char* name, PackedKind kind, KernelCounter* counter) {
  return {{name, Tier::kAvx512, 1, 8, Crossover::kAlways, kernels::Avx512LinearPackedInt8Rows, counter},
          kind,
          LinearInput::kInt8Wide,
          8,
          nullptr,
          kernels::Avx512InputInt8Wide,
          nullptr,
          nullptr};
}
constexpr LinearPackedKernel Avx512Int8Stream(const char* name, PackedKind kind, Crossover from,
                                              KernelCounter* counter) {
  return {{name, Tier::kAvx512, 1, 8, from, kernels::Avx512LinearPackedInt8Stream, counter},
          kind,
          LinearInput::kInt8Wide,
          8,
          nullptr,
          kernels::Avx512InputInt8Wide,
          nullptr,
          nullptr};
}

constexpr LinearPackedKernel Avx512Int8Block(const char* name, PackedKind kind, Crossover from,
                                             KernelCounter* counter) {
  return {{name, Tier::kAvx512, 1, kAnyM, from, kernels::Avx512LinearPackedInt8Block, counter},
          kind,
          LinearInput::kInt8Wide,
          12,
          nullptr,
          kernels::Avx512InputInt8Wide,
          nullptr,
          nullptr};
}

constexpr LinearPackedKernel Avx512Bf16Block(const char* name, PackedKind kind, Crossover from,
                                             KernelCounter* counter) {
  return {{name, Tier::kAvx512, 1, kAnyM, from, kernels::Avx512LinearPackedBf16Block, counter},
          kind,
          LinearInput::kWide,
          6,
          kernels::Avx512InputWide,
          nullptr,
          nullptr,
          nullptr};
}

// Tiles: few is for up to 16 rows, block for more.
constexpr LinearPackedKernel AmxInt8(const char* name, PackedKind kind, int min_m, int max_m, Crossover from,
                                     void (*run)(const kernels::LinearPackedArgs&), KernelCounter* counter) {
  return {{name, Tier::kAmx, min_m, max_m, from, run, counter},
          kind,
          LinearInput::kInt8Tiles,
          16,
          nullptr,
          kernels::Avx512InputInt8Tiles,
          kernels::AmxLinearBegin,
          kernels::AmxLinearEnd};
}
constexpr LinearPackedKernel AmxInt8Few(const char* name, PackedKind kind, Crossover from, KernelCounter* counter) {
  return AmxInt8(name, kind, 1, 16, from, kernels::AmxLinearPackedInt8Few, counter);
}
constexpr LinearPackedKernel AmxInt8Block(const char* name, PackedKind kind, KernelCounter* counter) {
  return AmxInt8(name, kind, 17, kAnyM, Crossover::kAlways, kernels::AmxLinearPackedInt8Block, counter);
}
constexpr LinearPackedKernel AmxBf16(const char* name, PackedKind kind, int min_m, int max_m, Crossover from,
                                     void (*run)(const kernels::LinearPackedArgs&), KernelCounter* counter) {
  return {{name, Tier::kAmx, min_m, max_m, from, run, counter},
          kind,
          LinearInput::kTiles,
          16,
          kernels::Avx512InputTiles,
          nullptr,
          kernels::AmxLinearBegin,
          kernels::AmxLinearEnd};
}
// For speed nobody needs; a chunk of weights is made bf16 once for all rows.
constexpr LinearPackedKernel AmxMixed(const char* name, PackedKind kind, KernelCounter* counter) {
  return AmxBf16(name, kind, 1, kAnyM, Crossover::kAlways, kernels::AmxLinearPackedMixed, counter);
}

constexpr PackedKind kInt8 = {PackedValues::kInt8, false, true};
constexpr PackedKind kBitmapInt8 = {PackedValues::kInt8, true, true};
constexpr PackedKind kCode4 = {PackedValues::kCode4, false, true};
constexpr PackedKind kBitmapCode4 = {PackedValues::kCode4, true, true};
constexpr PackedKind kBitmapBf16 = {PackedValues::kBf16, true, false};
constexpr PackedKind kInt8Bf16 = {PackedValues::kInt8, false, false};
constexpr PackedKind kBitmapInt8Bf16 = {PackedValues::kInt8, true, false};
constexpr PackedKind kCode4Bf16 = {PackedValues::kCode4, false, false};
constexpr PackedKind kBitmapCode4Bf16 = {PackedValues::kCode4, true, false};

KernelCounter counters[9], simd_counters[9], avx512_counters[19], amx_counters[14];

// Kind by kind, and in a kind slow to fast.
const LinearPackedKernel kRows[] = {
    RefInt8("ref_linear_int8", kInt8, &counters[0]),
    SimdInt8("simd_linear_int8", kInt8, &simd_counters[0]),
    Avx512Int8Rows("avx512_linear_int8_rows", kInt8, &avx512_counters[0]),
    Avx512Int8Stream("avx512_linear_int8_stream", kInt8, Crossover::kAvx512Int8Stream, &avx512_counters[15]),
    Avx512Int8Block("avx512_linear_int8_block", kInt8, Crossover::kAvx512Int8Block, &avx512_counters[4]),
    AmxInt8Few("amx_linear_int8_few", kInt8, Crossover::kAmxInt8Few, &amx_counters[0]),
    AmxInt8Block("amx_linear_int8_block", kInt8, &amx_counters[1]),
    RefInt8("ref_linear_bitmap_int8", kBitmapInt8, &counters[1]),
    SimdInt8("simd_linear_bitmap_int8", kBitmapInt8, &simd_counters[1]),
    Avx512Int8Rows("avx512_linear_bitmap_int8_rows", kBitmapInt8, &avx512_counters[1]),
    Avx512Int8Stream("avx512_linear_bitmap_int8_stream", kBitmapInt8, Crossover::kAvx512BitmapInt8Stream,
                     &avx512_counters[16]),
    Avx512Int8Block("avx512_linear_bitmap_int8_block", kBitmapInt8, Crossover::kAvx512BitmapInt8Block,
                    &avx512_counters[5]),
    AmxInt8Few("amx_linear_bitmap_int8_few", kBitmapInt8, Crossover::kAmxBitmapInt8Few, &amx_counters[2]),
    AmxInt8Block("amx_linear_bitmap_int8_block", kBitmapInt8, &amx_counters[3]),
    RefInt8("ref_linear_code4", kCode4, &counters[2]),
    SimdInt8("simd_linear_code4", kCode4, &simd_counters[2]),
    Avx512Int8Rows("avx512_linear_code4_rows", kCode4, &avx512_counters[2]),
    Avx512Int8Stream("avx512_linear_code4_stream", kCode4, Crossover::kAvx512Code4Stream, &avx512_counters[17]),
    Avx512Int8Block("avx512_linear_code4_block", kCode4, Crossover::kAvx512Code4Block, &avx512_counters[6]),
    AmxInt8Few("amx_linear_code4_few", kCode4, Crossover::kAmxCode4Few, &amx_counters[4]),
    AmxInt8Block("amx_linear_code4_block", kCode4, &amx_counters[5]),
    RefInt8("ref_linear_bitmap_code4", kBitmapCode4, &counters[3]),
    SimdInt8("simd_linear_bitmap_code4", kBitmapCode4, &simd_counters[3]),
    Avx512Int8Rows("avx512_linear_bitmap_code4_rows", kBitmapCode4, &avx512_counters[3]),
    Avx512Int8Stream("avx512_linear_bitmap_code4_stream", kBitmapCode4, Crossover::kAvx512BitmapCode4Stream,
                     &avx512_counters[18]),
    Avx512Int8Block("avx512_linear_bitmap_code4_block", kBitmapCode4, Crossover::kAvx512BitmapCode4Block,
                    &avx512_counters[7]),
    AmxInt8Few("amx_linear_bitmap_code4_few", kBitmapCode4, Crossover::kAmxBitmapCode4Few, &amx_counters[6]),
    AmxInt8Block("amx_linear_bitmap_code4_block", kBitmapCode4, &amx_counters[7]),
    RefBf16("ref_linear_bitmap_bf16", kBitmapBf16, &counters[4]),
    SimdBf16("simd_linear_bitmap_bf16", kBitmapBf16, &simd_counters[4]),
    {{"avx512_linear_bitmap_bf16_rows", Tier::kAvx512, 1, 8, Crossover::kAlways, kernels::Avx512LinearBitmapBf16Rows,
      &avx512_counters[8]},
     kBitmapBf16,
     LinearInput::kWide,
     8,
     kernels::Avx512InputWide,
     nullptr,
     nullptr,
     nullptr},
    Avx512Bf16Block("avx512_linear_bitmap_bf16_block", kBitmapBf16, Crossover::kAvx512BitmapBf16Block,
                    &avx512_counters[9]),
    {{"avx512bf16_linear_bitmap_bf16_rows", Tier::kAvx512Bf16, 1, 8, Crossover::kAvx512Bf16BitmapBf16Rows,
      kernels::Avx512Bf16LinearBitmapBf16Rows, &avx512_counters[14]},
     kBitmapBf16,
     LinearInput::kHalves,
     8,
     kernels::Avx512InputHalves,
     nullptr,
     nullptr,
     nullptr},
    AmxBf16("amx_linear_bitmap_bf16_few", kBitmapBf16, 1, 16, Crossover::kAmxBitmapBf16Few,
            kernels::AmxLinearPackedBf16Few, &amx_counters[8]),
    AmxBf16("amx_linear_bitmap_bf16_block", kBitmapBf16, 17, kAnyM, Crossover::kAlways,
            kernels::AmxLinearPackedBf16Block, &amx_counters[9]),
    RefBf16("ref_linear_int8_bf16", kInt8Bf16, &counters[5]),
    SimdBf16("simd_linear_int8_bf16", kInt8Bf16, &simd_counters[5]),
    Avx512Bf16Block("avx512_linear_int8_bf16_block", kInt8Bf16, Crossover::kAlways, &avx512_counters[10]),
    AmxMixed("amx_linear_int8_bf16_block", kInt8Bf16, &amx_counters[10]),
    RefBf16("ref_linear_bitmap_int8_bf16", kBitmapInt8Bf16, &counters[6]),
    SimdBf16("simd_linear_bitmap_int8_bf16", kBitmapInt8Bf16, &simd_counters[6]),
    Avx512Bf16Block("avx512_linear_bitmap_int8_bf16_block", kBitmapInt8Bf16, Crossover::kAlways, &avx512_counters[11]),
    AmxMixed("amx_linear_bitmap_int8_bf16_block", kBitmapInt8Bf16, &amx_counters[11]),
    RefBf16("ref_linear_code4_bf16", kCode4Bf16, &counters[7]),
    SimdBf16("simd_linear_code4_bf16", kCode4Bf16, &simd_counters[7]),
    Avx512Bf16Block("avx512_linear_code4_bf16_block", kCode4Bf16, Crossover::kAlways, &avx512_counters[12]),
    AmxMixed("amx_linear_code4_bf16_block", kCode4Bf16, &amx_counters[12]),
    RefBf16("ref_linear_bitmap_code4_bf16", kBitmapCode4Bf16, &counters[8]),
    SimdBf16("simd_linear_bitmap_code4_bf16", kBitmapCode4Bf16, &simd_counters[8]),
    Avx512Bf16Block("avx512_linear_bitmap_code4_bf16_block", kBitmapCode4Bf16, Crossover::kAlways,
                    &avx512_counters[13]),
    AmxMixed("amx_linear_bitmap_code4_bf16_block", kBitmapCode4Bf16, &amx_counters[13]),
};

}  // namespace

std::span<const LinearPackedKernel> LinearPackedKernels() { return kRows; }

std::span<const LinearPackedKernel> LinearPackedKernels(PackedKind kind) {
  const std::span<const LinearPackedKernel> all = kRows;
  std::size_t begin = 0;
  while (begin < all.size() && all[begin].kind != kind) ++begin;
  std::size_t end = begin;
  while (end < all.size() && all[end].kind == kind) ++end;
  return all.subspan(begin, end - begin);
}

}  // namespace lacuna
