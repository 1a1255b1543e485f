// Attention through the op that the decoder calls: decode steps, speculation-like passes and pieces of a prompt, at
// depths up to 32 k, beside the roofs of the same moment. oneDNN 2.x has no attention to compare with.
// Google Benchmark's flags apply, for example --benchmark_filter=llama-8b/.*/d32768; LACUNA_THREADS.
#include <benchmark/benchmark.h>

#include <algorithm>
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
#include "ops/attention.h"

namespace lacuna::bench {
namespace {

struct AttentionShape {
  const char* name;
  int heads, kv_heads, head_dim;
};
constexpr AttentionShape kShapes[] = {{"tinyllama", 32, 4, 64}, {"llama-1b", 32, 8, 64}, {"llama-8b", 32, 8, 128}};
constexpr int kRows[] = {1, 4, 16, 512};
constexpr int kDepths[] = {0, 512, 4096, 8192, 32768};

struct Machine {
  std::unique_ptr<ThreadTeam> team;
  std::unique_ptr<CpuBackend> backend;
  std::optional<RoofMeter> meter;
};

Machine machine;

template <typename T>
T OrExit(Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << "attention_bench: " << result.status().message() << "\n";
  std::exit(1);
}

// Pages of more than any cache, as a deep model's layers have them: filled with ordinary values once for all shapes.
AlignedBuffer& Storage() {
  static AlignedBuffer buffer = [] {
    AlignedBuffer b = OrExit(AlignedBuffer::Create(static_cast<std::size_t>(kSetBytes), "KV pages"));
    auto values = b.As<uint16_t>();
    machine.team->ParallelFor(static_cast<int64_t>(values.size()) / 4096, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin * 4096; i < end * 4096; ++i) {
        values[static_cast<std::size_t>(i)] = ToBf16(ValueAt(static_cast<uint64_t>(i)));
      }
    });
    return b;
  }();
  return buffer;
}

void Attention(benchmark::State& state, const AttentionShape& shape, int rows, int depth) {
  const KvLayout layout{.type = ElementType::kBf16, .kv_heads = shape.kv_heads, .head_dim = shape.head_dim};
  const int64_t blocks = (depth + rows + 63) / 64;
  AlignedBuffer& storage = Storage();
  const auto page_bytes = static_cast<int64_t>(layout.PageBytes());
  const int64_t layers = std::max<int64_t>(1, static_cast<int64_t>(storage.size()) / (page_bytes * blocks));
  std::vector<const void*> pages(static_cast<std::size_t>(layers * blocks));
  for (std::size_t i = 0; i < pages.size(); ++i) {
    pages[i] =
        storage.data() + static_cast<int64_t>(i) * page_bytes % (static_cast<int64_t>(storage.size()) - page_bytes);
  }
  const int64_t width = int64_t{shape.heads} * shape.head_dim;
  std::vector<float> q(static_cast<std::size_t>(rows * width)), y(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) q[i] = ValueAt(i);
  std::vector<float> workspace(
      static_cast<std::size_t>(AttentionWorkspace(layout, shape.heads, depth + rows, machine.team->workers())));
  std::vector<AttentionRow> positions(static_cast<std::size_t>(rows));

  const Roofs before = machine.meter->Measure();
  const TrafficCount from = machine.backend->traffic().Total();
  ResetKernelCounts();
  int64_t layer = 0;
  for (auto _ : state) {
    for (int row = 0; row < rows; ++row) {
      positions[static_cast<std::size_t>(row)] = {pages.data() + layer * blocks, depth + row};
    }
    layer = (layer + 1) % layers;
    const Status status = lacuna::Attention(*machine.backend, {.layout = layout,
                                                               .q = F32View(q.data(), rows, width),
                                                               .y = F32View(y.data(), rows, width),
                                                               .rows = positions,
                                                               .heads = shape.heads,
                                                               .scale = 0.125f,
                                                               .workspace = workspace});
    if (!status.ok()) state.SkipWithError(status.message().c_str());
  }
  const OpCount cost = (machine.backend->traffic().Total() - from)[OpKind::kAttention];
  const Roofs after = machine.meter->Measure();
  const Roofs roofs{std::max(before.read_gb_s, after.read_gb_s), std::max(before.peak_gflop_s, after.peak_gflop_s)};
  std::string ran;
  for (const KernelCount& kernel : ReadKernelCounts()) ran += (ran.empty() ? "" : " ") + std::string(kernel.name);
  state.SetLabel(ran);
  const auto ns = static_cast<double>(cost.ns);
  state.counters["rows"] = rows;
  state.counters["depth"] = depth;
  state.counters["gb_s"] = static_cast<double>(cost.bytes) / ns;
  state.counters["gflop_s"] = static_cast<double>(cost.ops) / ns;
  state.counters["stream_gb_s"] = roofs.read_gb_s;
  state.counters["peak_gflop_s"] = roofs.peak_gflop_s;
  state.counters["peak_share"] = static_cast<double>(cost.ops) / ns / roofs.peak_gflop_s;
  state.counters["roof_share"] =
      RoofSeconds(static_cast<double>(cost.bytes), static_cast<double>(cost.ops), roofs) * 1e9 / ns;
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
  for (const AttentionShape& shape : kShapes) {
    for (int rows : kRows) {
      for (int depth : kDepths) {
        benchmark::RegisterBenchmark(
            (std::string(shape.name) + "/rows" + std::to_string(rows) + "/d" + std::to_string(depth)).c_str(),
            [&shape, rows, depth](benchmark::State& state) { Attention(state, shape, rows, depth); })
            ->UseRealTime()
            ->MinTime(0.2);
      }
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
