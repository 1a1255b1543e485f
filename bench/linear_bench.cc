// Linear layers of real shapes through the op that the decoder calls, beside the roofs of the same moment.
// Google Benchmark's flags apply, for example --benchmark_filter=8b/.*/512 --benchmark_format=json; LACUNA_THREADS.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/cpu/catalog.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/roofs.h"
#include "base/tile_permission.h"
#include "bench/linear_shapes.h"
#include "ops/linear.h"

namespace lacuna::bench {
namespace {

struct Machine {
  std::unique_ptr<ThreadTeam> team;
  std::unique_ptr<CpuBackend> backend;
  std::optional<RoofMeter> meter;
};

Machine machine;

template <typename T>
T OrExit(Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << "linear_bench: " << result.status().message() << "\n";
  std::exit(1);
}

// The copies of one layer; the shape in use stays packed while its M go by.
std::vector<LinearSet>& Sets(const LinearShape& shape) {
  static const LinearShape* current = nullptr;
  static std::vector<LinearSet> sets;
  if (current == &shape) return sets;
  current = &shape;
  sets.clear();
  std::vector<uint16_t> values(static_cast<std::size_t>(shape.n) * shape.k);
  machine.team->ParallelFor(shape.n, [&](int64_t begin, int64_t end, int) {
    for (int64_t n = begin; n < end; ++n) {
      for (int64_t k = 0; k < shape.k; ++k) values[n * shape.k + k] = ToBf16(WeightAt(shape, n, k));
    }
  });
  const SourceMatrix source{.name = shape.name,
                            .data = reinterpret_cast<const std::byte*>(values.data()),
                            .type = ElementType::kBf16,
                            .n = shape.n,
                            .k = shape.k};
  for (int i = 0; i < Copies(shape); ++i) {
    PackedWeight weight = OrExit(AllocatePacked(source, Codec::kBf16));
    machine.team->ParallelFor(weight.panels(), [&](int64_t begin, int64_t end, int) {
      if (!PackPanels(source, static_cast<int>(begin), static_cast<int>(end), &weight).ok()) std::abort();
    });
    sets.emplace_back();
    sets.back().members.push_back({.weight = std::move(weight)});
  }
  return sets;
}

void Linear(benchmark::State& state, const LinearShape& shape, int m) {
  std::vector<LinearSet>& sets = Sets(shape);
  std::vector<float> x(static_cast<std::size_t>(m) * shape.k), y(static_cast<std::size_t>(m) * shape.n);
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t k = 0; k < shape.k; ++k) x[row * shape.k + k] = InputAt(shape, row, k);
  }
  AlignedBuffer workspace =
      OrExit(AlignedBuffer::Create(LinearWorkspace(m, shape.k, machine.team->workers()), "workspace"));
  const View out[] = {F32View(y.data(), m, shape.n)};
  LinearArgs args{.x = F32View(x.data(), m, shape.k), .y = out, .workspace = workspace.As<std::byte>()};

  const Roofs before = machine.meter->Measure();
  const TrafficCount from = machine.backend->traffic().Total();
  ResetKernelCounts();
  std::size_t next = 0;
  for (auto _ : state) {
    args.set = &sets[next++ % sets.size()];
    if (!lacuna::Linear(*machine.backend, args).ok()) state.SkipWithError("linear failed");
  }
  const OpCount cost = (machine.backend->traffic().Total() - from)[OpKind::kLinear];
  const Roofs after = machine.meter->Measure();
  const Roofs roofs{std::max(before.read_gb_s, after.read_gb_s), std::max(before.peak_gflop_s, after.peak_gflop_s)};
  std::string ran;
  for (const KernelCount& kernel : ReadKernelCounts()) ran += (ran.empty() ? "" : " ") + std::string(kernel.name);
  state.SetLabel(ran);
  const auto ns = static_cast<double>(cost.ns);
  const double roof = RoofSeconds(static_cast<double>(cost.bytes), static_cast<double>(cost.ops), roofs) * 1e9;
  state.counters["n"] = shape.n;
  state.counters["k"] = shape.k;
  state.counters["m"] = m;
  state.counters["gb_s"] = static_cast<double>(cost.bytes) / ns;
  state.counters["gflop_s"] = static_cast<double>(cost.ops) / ns;
  state.counters["stream_gb_s"] = roofs.read_gb_s;
  state.counters["peak_gflop_s"] = roofs.peak_gflop_s;
  state.counters["roof_share"] = roof / ns;
  state.counters["checksum"] =
      Checksum(shape, m, [&](int row, int n) { return y[static_cast<std::size_t>(row) * shape.n + n]; });
}

}  // namespace
}  // namespace lacuna::bench

int main(int argc, char** argv) {
  using namespace lacuna;
  using namespace lacuna::bench;
  if (TilesAreEmulated()) return 2;
  const char* threads = std::getenv("LACUNA_THREADS");
  const Tier tier = OrExit(HostTier());
  machine.team = OrExit(ThreadTeam::Create(threads ? std::atoi(threads) : 0));
  machine.backend = std::make_unique<CpuBackend>(*machine.team, tier);
  machine.meter.emplace(OrExit(RoofMeter::Create(*machine.team, tier)));
  for (const LinearShape& shape : kLinearShapes) {
    for (int m : kLinearRows) {
      benchmark::RegisterBenchmark((std::string(shape.name) + "/" + std::to_string(m)).c_str(),
                                   [&shape, m](benchmark::State& state) { Linear(state, shape, m); })
          ->UseRealTime()
          ->MinTime(0.2);
    }
  }
  benchmark::AddCustomContext("machine_kind", MachineKind(HostCpuFeatures()));
  benchmark::AddCustomContext("cpu", HostCpuFeatures().model);
  benchmark::AddCustomContext("peak_instruction", PeakName(machine.meter->instruction()));
  benchmark::AddCustomContext("threads", std::to_string(machine.team->workers()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
