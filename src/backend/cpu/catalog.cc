#include "backend/cpu/catalog.h"

#include <initializer_list>
#include <limits>

#include "kernels/amx/linear.h"
#include "kernels/attention_kernels.h"
#include "kernels/avx512/linear.h"
#include "kernels/avx512bf16/linear.h"
#include "kernels/ref/ref.h"
#include "kernels/simd/linear.h"

namespace lacuna {
namespace {

using kernels::LinearInput;

constexpr int kAnyM = std::numeric_limits<int>::max();

KernelCounter linear_counters[8];

// Slow to fast.
const LinearBf16Kernel kLinearBf16Kernels[] = {
    {{"ref_linear_bf16", Tier::kRef, 1, kAnyM, Crossover::kAlways, kernels::RefLinearBf16, &linear_counters[0]},
     LinearInput::kRows,
     1,
     kernels::RefInputRows,
     nullptr,
     nullptr},
    {{"simd_linear_bf16", Tier::kSimd, 1, kAnyM, Crossover::kAlways, kernels::SimdLinearBf16, &linear_counters[1]},
     LinearInput::kWide,
     3,
     kernels::SimdInputWide,
     nullptr,
     nullptr},
    {{"avx512_linear_bf16_rows", Tier::kAvx512, 1, 8, Crossover::kAlways, kernels::Avx512LinearBf16Rows,
      &linear_counters[2]},
     LinearInput::kWide,
     8,
     kernels::Avx512InputWide,
     nullptr,
     nullptr},
    {{"avx512_linear_bf16_block", Tier::kAvx512, 1, kAnyM, Crossover::kAvx512Block, kernels::Avx512LinearBf16Block,
      &linear_counters[3]},
     LinearInput::kWide,
     6,
     kernels::Avx512InputWide,
     nullptr,
     nullptr},
    {{"avx512bf16_linear_bf16_rows", Tier::kAvx512Bf16, 1, 8, Crossover::kAvx512Bf16Rows,
      kernels::Avx512Bf16LinearBf16Rows, &linear_counters[4]},
     LinearInput::kHalves,
     8,
     kernels::Avx512InputHalves,
     nullptr,
     nullptr},
    {{"avx512bf16_linear_bf16_block", Tier::kAvx512Bf16, 1, kAnyM, Crossover::kAvx512Bf16Block,
      kernels::Avx512Bf16LinearBf16Block, &linear_counters[5]},
     LinearInput::kHalves,
     6,
     kernels::Avx512InputHalves,
     nullptr,
     nullptr},
    {{"amx_linear_bf16_few", Tier::kAmx, 1, 16, Crossover::kAmxFew, kernels::AmxLinearBf16Few, &linear_counters[6]},
     LinearInput::kTiles,
     16,
     kernels::Avx512InputTiles,
     kernels::AmxLinearBegin,
     kernels::AmxLinearEnd},
    {{"amx_linear_bf16_block", Tier::kAmx, 17, kAnyM, Crossover::kAlways, kernels::AmxLinearBf16Block,
      &linear_counters[7]},
     LinearInput::kTiles,
     16,
     kernels::Avx512InputTiles,
     kernels::AmxLinearBegin,
     kernels::AmxLinearEnd},
};

KernelCounter attention_counters[4];

// Tiles pay from one query on: a page's tiles cost less than reading it.
const AttentionBf16Kernel kAttentionBf16Kernels[] = {
    {{"ref_attention_bf16", Tier::kRef, 1, kAnyM, Crossover::kAlways, kernels::RefAttentionBf16,
      &attention_counters[0]},
     kernels::RefAttentionMerge},
    {{"simd_attention_bf16", Tier::kSimd, 1, kernels::kMaxQueries, Crossover::kAlways, kernels::SimdAttentionBf16,
      &attention_counters[1]},
     kernels::RefAttentionMerge},
    {{"avx512_attention_bf16", Tier::kAvx512, 1, kernels::kMaxQueries, Crossover::kAlways, kernels::Avx512AttentionBf16,
      &attention_counters[2]},
     kernels::Avx512AttentionMerge},
    {{"amx_attention_bf16", Tier::kAmx, 1, kernels::kMaxQueries, Crossover::kAlways, kernels::AmxAttentionBf16,
      &attention_counters[3]},
     kernels::Avx512AttentionMerge},
};

// f(row) for the rows of every list.
template <class F>
void ForAllRows(F f) {
  for (const LinearBf16Kernel& row : kLinearBf16Kernels) f(row);
  for (const LinearPackedKernel& row : LinearPackedKernels()) f(row);
  for (const AttentionBf16Kernel& row : kAttentionBf16Kernels) f(row);
}

}  // namespace

CostTable DefaultCosts(const CpuFeatures& features) {
  CostTable costs{};
  const auto set = [&costs](std::initializer_list<Crossover> crossovers, int from) {
    for (Crossover c : crossovers) costs.from[static_cast<int>(c)] = from;
  };
  const bool amd = features.vendor == "AuthenticAMD";
  set({Crossover::kAlways}, 1);
  set({Crossover::kAvx512Block, Crossover::kAvx512Int8Block, Crossover::kAvx512BitmapInt8Block,
       Crossover::kAvx512Code4Block, Crossover::kAvx512BitmapCode4Block, Crossover::kAvx512BitmapBf16Block},
      9);
  set({Crossover::kAvx512Int8Stream, Crossover::kAvx512BitmapInt8Stream, Crossover::kAvx512Code4Stream,
       Crossover::kAvx512BitmapCode4Stream},
      amd ? 1 : kNever);
  // VDPBF16PS runs at half the rate of an FMA and more on Intel, at its full rate on Zen 4 and 5.
  set({Crossover::kAvx512Bf16Rows, Crossover::kAvx512Bf16BitmapBf16Rows}, amd ? 1 : kNever);
  set({Crossover::kAvx512Bf16Block}, amd ? 9 : kNever);
  // Tiles read memory a few percent slower than vectors do, whatever M; vectors have enough to do from 5 rows on.
  set({Crossover::kAmxFew, Crossover::kAmxInt8Few, Crossover::kAmxBitmapInt8Few, Crossover::kAmxCode4Few,
       Crossover::kAmxBitmapCode4Few, Crossover::kAmxBitmapBf16Few},
      5);
  return costs;
}

KernelTarget TargetFor(const CpuFeatures& features, Tier cap) { return {features, cap, DefaultCosts(features)}; }

std::span<const LinearBf16Kernel> LinearBf16Kernels() { return kLinearBf16Kernels; }
std::span<const AttentionBf16Kernel> AttentionBf16Kernels() { return kAttentionBf16Kernels; }

Decline Declines(Tier tier, int min_m, int max_m, Crossover from, int m, const KernelTarget& target) {
  if (!HasTier(target.features, tier)) return Decline::kMachine;
  if (tier > target.cap) return Decline::kCap;
  if (m < min_m || m > max_m) return Decline::kRows;
  if (m < target.costs[from]) return Decline::kCosts;
  return Decline::kRuns;
}

std::string DeclineText(Decline decline, Tier tier, int min_m, int max_m, Crossover from, const KernelTarget& target) {
  switch (decline) {
    case Decline::kRuns:
      return "";
    case Decline::kMachine:
      return "needs " + MissingForTier(target.features, tier);
    case Decline::kCap:
      return std::string("is of tier ") + TierName(tier) + ", above the cap " + TierName(target.cap);
    case Decline::kRows:
      return max_m == kAnyM ? "is for " + std::to_string(min_m) + " rows and more"
                            : "is for " + std::to_string(min_m) + " to " + std::to_string(max_m) + " rows";
    case Decline::kCosts:
      return target.costs[from] == kNever ? "is slower on this processor"
                                          : "is slower below " + std::to_string(target.costs[from]) + " rows";
  }
  return "";
}

std::vector<KernelCount> ReadKernelCounts() {
  std::vector<KernelCount> counts;
  ForAllRows([&counts](const auto& row) {
    const uint64_t calls = row.counter->calls.load(std::memory_order_relaxed);
    if (calls != 0) counts.push_back({row.name, calls, row.counter->bytes.load(std::memory_order_relaxed)});
  });
  return counts;
}

void ResetKernelCounts() {
  ForAllRows([](const auto& row) {
    row.counter->calls.store(0, std::memory_order_relaxed);
    row.counter->bytes.store(0, std::memory_order_relaxed);
  });
}

}  // namespace lacuna
