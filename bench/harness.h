// What the benchmarks of ops share: the machine, the roofs taken before and after each, and the figures beside them.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "backend/cpu/catalog.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/roofs.h"
#include "base/tile_permission.h"

namespace lacuna::bench {

struct Machine {
  Tier tier = Tier::kRef;
  std::unique_ptr<ThreadTeam> team;
  std::unique_ptr<CpuBackend> backend;
  std::optional<RoofMeter> meter;
};

inline Machine machine;

template <typename T>
T OrExit(Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::cerr << program_invocation_short_name << ": " << result.status().message() << "\n";
  std::exit(1);
}

// From just before a benchmark's loop to Report() after it.
class Measured {
 public:
  Measured() : before_(machine.meter->Measure()), from_(machine.backend->traffic().Total()) { ResetKernelCounts(); }

  void Report(benchmark::State& state, OpKind op) const {
    const OpCount cost = (machine.backend->traffic().Total() - from_)[op];
    const Roofs after = machine.meter->Measure();
    const Roofs roofs{std::max(before_.read_gb_s, after.read_gb_s), std::max(before_.peak_gflop_s, after.peak_gflop_s)};
    std::string ran;
    for (const KernelCount& kernel : ReadKernelCounts()) ran += (ran.empty() ? "" : " ") + std::string(kernel.name);
    state.SetLabel(ran);
    const auto ns = static_cast<double>(cost.ns), bytes = static_cast<double>(cost.bytes);
    const auto ops = static_cast<double>(cost.ops);
    state.counters["gb_s"] = bytes / ns;
    state.counters["gflop_s"] = ops / ns;
    state.counters["stream_gb_s"] = roofs.read_gb_s;
    state.counters["peak_gflop_s"] = roofs.peak_gflop_s;
    state.counters["peak_share"] = ops / ns / roofs.peak_gflop_s;
    state.counters["roof_share"] = RoofSeconds(bytes, ops, roofs) * 1e9 / ns;
  }

 private:
  Roofs before_;
  TrafficCount from_;
};

template <typename F>
void Register(const std::string& name, F run) {
  benchmark::RegisterBenchmark(name.c_str(), run)->UseRealTime()->MinTime(0.2);
}

// The program: `register_all` calls Register for what there is.
template <typename F>
int Main(int argc, char** argv, F register_all) {
  if (TilesAreEmulated()) return 2;
  const char* threads = std::getenv("LACUNA_THREADS");
  const Tier tier = machine.tier = OrExit(HostTier());
  machine.team = OrExit(ThreadTeam::Create(threads ? std::atoi(threads) : 0));
  machine.backend = std::make_unique<CpuBackend>(*machine.team, tier);
  machine.meter.emplace(OrExit(RoofMeter::Create(*machine.team, tier)));
  register_all();
  benchmark::AddCustomContext("machine_kind", MachineKind(HostCpuFeatures()));
  benchmark::AddCustomContext("cpu", HostCpuFeatures().model);
  benchmark::AddCustomContext("peak_instruction", PeakName(machine.meter->instruction()));
  benchmark::AddCustomContext("threads", std::to_string(machine.team->workers()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace lacuna::bench
