// The catalogue: every kernel of the CPU backend is one row here, and what has no row does not exist. A row gives its
// kernel selection, equality tests and a benchmark (all three walk the list).
//
// Selection is a pure function of the rows, the machine's features, the cap on tiers, a cost table and the number of
// rows M; results never depend on it. Rows of a list go from slow to fast: the last one that does not decline runs.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cpu_features.h"
#include "kernels/attention.h"
#include "kernels/linear.h"
#include "kernels/packed.h"

namespace lacuna {

// What ran, since the program began or the last reset.
struct KernelCounter {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> bytes{0};  // of weights or pages that the calls had to read

  void Add(uint64_t read) {
    calls.fetch_add(1, std::memory_order_relaxed);
    bytes.fetch_add(read, std::memory_order_relaxed);
  }
};

// From which M on a kernel beats the rows before it: the entries of the cost table. Those of packed weights are by how
// values are stored; bf16 activations of integers are for studies and have none.
enum class Crossover {
  kAlways,  // 1
  kAvx512Block,
  kAvx512Bf16Rows,
  kAvx512Bf16Block,
  kAmxFew,
  kAvx512Int8Stream,
  kAvx512Int8Block,
  kAmxInt8Few,
  kAvx512BitmapInt8Stream,
  kAvx512BitmapInt8Block,
  kAmxBitmapInt8Few,
  kAvx512Code4Stream,
  kAvx512Code4Block,
  kAmxCode4Few,
  kAvx512BitmapCode4Stream,
  kAvx512BitmapCode4Block,
  kAmxBitmapCode4Few,
  kAvx512BitmapBf16Block,
  kAvx512Bf16BitmapBf16Rows,
  kAmxBitmapBf16Few,
};
inline constexpr int kCrossovers = 20;
inline constexpr int kNever = 1 << 30;

struct CostTable {
  int from[kCrossovers];

  int operator[](Crossover c) const { return from[static_cast<int>(c)]; }
};

// The table that ships for a machine.
CostTable DefaultCosts(const CpuFeatures& features);

// A machine and what may be used of it.
struct KernelTarget {
  CpuFeatures features;
  Tier cap = Tier::kRef;
  CostTable costs = {};
};
KernelTarget TargetFor(const CpuFeatures& features, Tier cap);

// Names are <tier>_<op>_<codec>_<variant>. Add the op's own fields by deriving.
template <class Args>
struct KernelRow {
  const char* name;
  Tier tier;
  int min_m, max_m;  // the numbers of rows it can do
  Crossover from;    // the number from which it is worth doing
  void (*run)(const Args&);
  KernelCounter* counter;
};

struct LinearBf16Kernel : KernelRow<kernels::LinearBf16Args> {
  kernels::LinearInput input;
  int block_rows;  // of kWide and kHalves; calls that do a part of the rows begin at a multiple of it
  void (*pack)(const kernels::LinearInputArgs&);
  // Around the calls of one thread in one region, all with this m; null when there is nothing to do.
  void (*begin)(int m);
  void (*end)();
};

std::span<const LinearBf16Kernel> LinearBf16Kernels();

// What a kernel of packed weights is written for: how values are stored, all of them or a bitmap, the activations'
// type. Scales, zero points, groups and N:M patterns are arguments (kernels::PackedPanels).
struct PackedKind {
  kernels::PackedValues type;
  bool bitmap;
  bool int8;  // activations; else bf16

  bool operator==(const PackedKind&) const = default;
};

struct LinearPackedKernel : KernelRow<kernels::LinearPackedArgs> {
  PackedKind kind;
  kernels::LinearInput input;
  int block_rows;  // as above; 16 for kInt8Tiles, 1 for kInt8Rows
  // The one of the kind's activations.
  void (*pack)(const kernels::LinearInputArgs&);
  void (*pack_int8)(const kernels::LinearInt8InputArgs&);
  void (*begin)(int m);
  void (*end)();
};

std::span<const LinearPackedKernel> LinearPackedKernels(PackedKind kind);  // of one kind, slow to fast
std::span<const LinearPackedKernel> LinearPackedKernels();                 // of all, kind by kind

// Rows are queries here: heads of a group x rows of a lane.
struct AttentionBf16Kernel : KernelRow<kernels::AttentionArgs> {
  // Merges a query's partial results, ascending; out = o / l.
  void (*merge)(const float* partial, ptrdiff_t chunk_stride, int64_t chunks, int head_dim, float* out);
};

std::span<const AttentionBf16Kernel> AttentionBf16Kernels();

// Why a kernel does not run for m rows on a machine, or kRuns.
enum class Decline { kRuns, kMachine, kCap, kRows, kCosts };
Decline Declines(Tier tier, int min_m, int max_m, Crossover from, int m, const KernelTarget& target);
// "needs AVX512_BF16", "above the tier simd that LACUNA_ISA allows", ...
std::string DeclineText(Decline decline, Tier tier, int min_m, int max_m, Crossover from, const KernelTarget& target);

// The kernel for m rows; there is one for every m >= 1, as the first row of a list declines nothing.
template <class Row>
const Row& Select(std::span<const Row> rows, int m, const KernelTarget& target) {
  std::size_t i = rows.size() - 1;
  while (i > 0 && Declines(rows[i].tier, rows[i].min_m, rows[i].max_m, rows[i].from, m, target) != Decline::kRuns) {
    --i;
  }
  return rows[i];
}

// The counters of all rows of all lists, those that never ran left out.
struct KernelCount {
  std::string_view name;
  uint64_t calls;
  uint64_t bytes;
};
std::vector<KernelCount> ReadKernelCounts();
void ResetKernelCounts();

}  // namespace lacuna
