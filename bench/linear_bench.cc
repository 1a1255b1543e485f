// Linear layers of real shapes through the op that the decoder calls, beside the roofs of the same moment.
// Google Benchmark's flags apply, for example --benchmark_filter=8b/.*/512 --benchmark_format=json; LACUNA_THREADS.
#include <string>
#include <vector>

#include "bench/harness.h"
#include "bench/linear_shapes.h"
#include "ops/linear.h"

namespace lacuna::bench {
namespace {

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

  const Measured measured;
  std::size_t next = 0;
  for (auto _ : state) {
    args.set = &sets[next++ % sets.size()];
    if (!lacuna::Linear(*machine.backend, args).ok()) state.SkipWithError("linear failed");
  }
  measured.Report(state, OpKind::kLinear);
  state.counters["n"] = shape.n;
  state.counters["k"] = shape.k;
  state.counters["m"] = m;
  state.counters["checksum"] =
      Checksum(shape, m, [&](int row, int n) { return y[static_cast<std::size_t>(row) * shape.n + n]; });
}

}  // namespace
}  // namespace lacuna::bench

int main(int argc, char** argv) {
  using namespace lacuna::bench;
  return Main(argc, argv, [] {
    for (const LinearShape& shape : kLinearShapes) {
      for (int m : kLinearRows) {
        Register(std::string(shape.name) + "/" + std::to_string(m),
                 [&shape, m](benchmark::State& state) { Linear(state, shape, m); });
      }
    }
  });
}
