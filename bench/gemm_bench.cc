// The float32 products of compression (compress/gemm.h) in the shapes of a 1 B model, beside the peak of FMA of the
// same moment. Operations are those that the result needs: of x^T x the upper triangle alone. A few sums of each result
// are compared, bit for bit, with the order that compress/gemm.h promises. Google Benchmark's flags apply, for example
// --benchmark_filter=hessian; LACUNA_THREADS.
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <chrono>
#include <cmath>
#include <string>
#include <vector>

#include "backend/cpu/gemm.h"
#include "base/fp_scope.h"
#include "bench/gemm_shapes.h"
#include "bench/harness.h"
#include "compress/gemm.h"
#include "compress/hessian.h"
#include "compress/inverse_factor.h"
#include "threading/arena.h"

namespace lacuna::bench {
namespace {

using kernels::kGemmM;
using kernels::kGemmN;

float* Floats(AlignedBuffer& buffer) { return reinterpret_cast<float*>(buffer.data()); }

AlignedBuffer Filled(int64_t count, uint64_t seed) {
  AlignedBuffer buffer = OrExit(AlignedBuffer::Create(static_cast<std::size_t>(count) * sizeof(float), "operand"));
  for (int64_t i = 0; i < count; ++i) Floats(buffer)[i] = OperandAt(seed, i);
  return buffer;
}

// Times the loop between two measurements of the roof. `ops` are of one iteration.
template <typename F>
void Time(benchmark::State& state, double ops, F run) {
  const PeakInstruction fma = machine.tier >= Tier::kAvx512 ? PeakInstruction::kFma512 : PeakInstruction::kFma256;
  using Clock = std::chrono::steady_clock;
  const double before = machine.meter->PeakGflopS(fma);
  double best = 0;
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    run();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = best == 0 ? seconds : std::min(best, seconds);
  }
  const double peak = std::max(before, machine.meter->PeakGflopS(fma));
  state.counters["gflop_s"] = ops / best / 1e9;
  state.counters["peak_gflop_s"] = peak;
  state.counters["peak_share"] = ops / best / 1e9 / peak;
  state.SetLabel(std::string(TierName(machine.tier >= Tier::kAvx512 ? Tier::kAvx512 : machine.tier)) + ", " +
                 PeakName(fma));
}

template <typename F>
void InArena(F run) {
  tbb::task_arena arena(ArenaThreadCount(machine.team->workers()));
  arena.execute(run);
}

// run(i) for every worker at once, as often as there are `tasks`.
template <typename F>
void ForTasks(int64_t tasks, F run) {
  tbb::parallel_for(int64_t{0}, tasks, [&](int64_t i) {
    const FpScope fp;
    run(i);
  });
}

// One column by another, by the words of compress/gemm.h.
float PlainSum(const float* a, const float* b, int64_t stride, int64_t k) {
  const FpScope fp;
  float sum = 0;
  for (int64_t k0 = 0; k0 < k; k0 += kGemmBlockK) {
    float chain = 0;
    for (int64_t t = k0; t < std::min(k, k0 + kGemmBlockK); ++t) chain = std::fma(a[t * stride], b[t * stride], chain);
    sum += chain;
  }
  return sum;
}

// x^T x of one sequence, [tokens][k], added to a Hessian.
void HessianAdd(benchmark::State& state, int64_t k) {
  const kernels::GemmTileFn tile = GemmTileFor(machine.tier);
  AlignedBuffer x = Filled(kHessianTokens * k, 1);
  const View view = F32View(Floats(x), kHessianTokens, k);
  const auto check = [&](const Hessian& h, int64_t i, int64_t j) {
    const float want = PlainSum(Floats(x) + i, Floats(x) + j, k, kHessianTokens);
    if (h.matrix().Row(i)[j] != want) state.SkipWithError("the sum is not in its order");
  };
  InArena([&] {
    Hessian once = OrExit(Hessian::Create("benchmark", k, tile));
    once.Add(view);
    for (const auto& [i, j] : {std::pair{int64_t{0}, k - 1}, {k / 3, k / 2}, {k - 1, k - 1}}) check(once, i, j);
    if (state.error_occurred()) return;
    Time(state, static_cast<double>(k) * static_cast<double>(k + 1) * kHessianTokens, [&] { once.Add(view); });
  });
  state.counters["k"] = static_cast<double>(k);
}

// Cholesky's factor and its inverse.
void Factor(benchmark::State& state, int64_t k) {
  const kernels::GemmTileFn tile = GemmTileFor(machine.tier);
  InArena([&] {
    Hessian h = OrExit(Hessian::Create("benchmark", k, tile));
    AlignedBuffer x = Filled(kHessianTokens * k, 2);
    h.Add(F32View(Floats(x), kHessianTokens, k));
    if (!h.Finish().ok()) return state.SkipWithError("not finite");
    const auto size = static_cast<double>(k);
    Time(state, size * size * size * 2 / 3, [&] {
      if (!InverseFactor(h, {}, 0.01, tile).ok()) state.SkipWithError("singular");
    });
  });
  state.counters["k"] = static_cast<double>(k);
}

// What solving does on each thread with 128 channels of its own: c[k][channels] += sign * a^T b.
void Channels(benchmark::State& state, int64_t k, int64_t depth) {
  const kernels::GemmTileFn tile = GemmTileFor(machine.tier);
  const int64_t threads = machine.team->workers();
  AlignedBuffer a = Filled(depth * k, 3), b = Filled(depth * kGemmChannels, 4);
  std::vector<AlignedBuffer> c;
  for (int64_t i = 0; i < threads; ++i) c.push_back(Filled(k * kGemmChannels, 5));
  InArena([&] {
    Time(state, 2.0 * static_cast<double>(k * kGemmChannels * depth * threads), [&] {
      ForTasks(threads, [&](int64_t i) {
        GemmAdd(tile, {.a = {Floats(a), k},
                       .b = {Floats(b), kGemmChannels},
                       .c = {Floats(c[static_cast<std::size_t>(i)]), kGemmChannels},
                       .m = k,
                       .n = kGemmChannels,
                       .k = depth,
                       .sign = -1});
      });
    });
  });
  state.counters["k"] = static_cast<double>(k);
}

// The kernel alone: operands packed, where they come from caches.
void Tile(benchmark::State& state) {
  const kernels::GemmTileFn tile = GemmTileFor(machine.tier);
  const int64_t threads = machine.team->workers(), k = kGemmBlockK;
  constexpr int kRuns = 1000;
  InArena([&] {
    std::vector<AlignedBuffer> operands;
    for (int64_t i = 0; i < threads; ++i) operands.push_back(Filled(k * (kGemmM + kGemmN) + kGemmM * kGemmN, 6));
    Time(state, 2.0 * static_cast<double>(kGemmM * kGemmN * k * kRuns * threads), [&] {
      ForTasks(threads, [&](int64_t i) {
        float* const b = Floats(operands[static_cast<std::size_t>(i)]);
        float* const a = b + k * kGemmN;
        for (int run = 0; run < kRuns; ++run) tile(a, b, static_cast<int>(k), -1, a + k * kGemmM, kGemmN);
      });
    });
  });
  state.counters["k"] = static_cast<double>(k);
}

}  // namespace
}  // namespace lacuna::bench

int main(int argc, char** argv) {
  using namespace lacuna::bench;
  return Main(argc, argv, [] {
    Register("gemm/tile", Tile);
    for (int64_t k : kHessianSizes) {
      const std::string size = std::to_string(k);
      Register("gemm/hessian/" + size, [k](benchmark::State& state) { HessianAdd(state, k); });
      Register("gemm/factor/" + size, [k](benchmark::State& state) { Factor(state, k); });
      Register("gemm/carry/" + size, [k](benchmark::State& state) { Channels(state, k, 128); });
      Register("gemm/error/" + size, [k](benchmark::State& state) { Channels(state, k, k); });
    }
  });
}
