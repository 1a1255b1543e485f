// oneDNN's bf16 matmul on the layers and the data of linear_bench, in a process of its own. Weights are reordered once
// into the layout it asks for; the input is bf16 already, the output fp32. And its sgemm on the Hessians of gemm_bench,
// whole: it has no product that leaves out a triangle. Run it with OMP_WAIT_POLICY=passive and OMP_NUM_THREADS.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "bench/gemm_shapes.h"
#include "bench/linear_shapes.h"

namespace lacuna::bench {
namespace {

using dnnl::memory;

memory::desc Matrix(int64_t rows, int64_t cols, memory::data_type type, memory::format_tag tag) {
  return {{rows, cols}, type, tag};
}

dnnl::matmul::primitive_desc MatmulFor(const dnnl::engine& engine, const LinearShape& shape, int m) {
  const auto x = Matrix(m, shape.k, memory::data_type::bf16, memory::format_tag::ab);
  const auto w = Matrix(shape.k, shape.n, memory::data_type::bf16, memory::format_tag::any);
  const auto y = Matrix(m, shape.n, memory::data_type::f32, memory::format_tag::ab);
#if DNNL_VERSION_MAJOR >= 3
  return dnnl::matmul::primitive_desc(engine, x, w, y);
#else
  return dnnl::matmul::primitive_desc(dnnl::matmul::desc(x, w, y), engine);
#endif
}

// The copies of one layer in the layout that oneDNN asks for, kept while that stays the same.
const std::vector<memory>& Weights(const dnnl::engine& engine, dnnl::stream& stream, const LinearShape& shape,
                                   const memory::desc& layout) {
  static const LinearShape* current = nullptr;
  static memory::desc current_layout;
  static std::vector<memory> weights;
  if (current == &shape && current_layout == layout) return weights;
  current = &shape;
  current_layout = layout;
  weights.clear();
  // [n][k] row-major is k x n with strides 1, k: the transposed tag.
  memory plain(Matrix(shape.k, shape.n, memory::data_type::bf16, memory::format_tag::ba), engine);
  auto* values = static_cast<uint16_t*>(plain.get_data_handle());
  for (int64_t n = 0; n < shape.n; ++n) {
    for (int64_t k = 0; k < shape.k; ++k) values[n * shape.k + k] = ToBf16(WeightAt(shape, n, k));
  }
  for (int i = 0; i < Copies(shape); ++i) {
    weights.emplace_back(layout, engine);
    dnnl::reorder(plain, weights.back()).execute(stream, plain, weights.back());
  }
  stream.wait();
  return weights;
}

void Linear(benchmark::State& state, const LinearShape& shape, int m) {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto pd = MatmulFor(engine, shape, m);
  const dnnl::matmul matmul(pd);

  const std::vector<memory>& weights = Weights(engine, stream, shape, pd.weights_desc());
  memory x(pd.src_desc(), engine), y(pd.dst_desc(), engine);
  auto* input = static_cast<uint16_t*>(x.get_data_handle());
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t k = 0; k < shape.k; ++k) input[row * shape.k + k] = ToBf16(InputAt(shape, row, k));
  }
  std::size_t next = 0;
  for (auto _ : state) {
    matmul.execute(stream,
                   {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights[next++ % weights.size()]}, {DNNL_ARG_DST, y}});
    stream.wait();
  }
  const double bytes = 2.0 * shape.n * shape.k, ops = 2.0 * shape.n * shape.k * m;
  using benchmark::Counter;
  state.counters["n"] = shape.n;
  state.counters["k"] = shape.k;
  state.counters["m"] = m;
  state.counters["gb_s"] = Counter(bytes / 1e9, Counter::kIsIterationInvariantRate);
  state.counters["gflop_s"] = Counter(ops / 1e9, Counter::kIsIterationInvariantRate);
  const auto* out = static_cast<const float*>(y.get_data_handle());
  state.counters["checksum"] =
      Checksum(shape, m, [&](int row, int n) { return out[static_cast<std::size_t>(row) * shape.n + n]; });
}

void Hessian(benchmark::State& state, int64_t k) {
  std::vector<float> x(static_cast<std::size_t>(kHessianTokens * k)), h(static_cast<std::size_t>(k * k));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = OperandAt(1, static_cast<int64_t>(i));
  using Clock = std::chrono::steady_clock;
  double best = 0;  // as gemm_bench has it
  for (auto _ : state) {
    const Clock::time_point start = Clock::now();
    if (dnnl::sgemm('T', 'N', k, k, kHessianTokens, 1, x.data(), k, x.data(), k, 1, h.data(), k) !=
        dnnl::status::success) {
      state.SkipWithError("sgemm failed");
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = best == 0 ? seconds : std::min(best, seconds);
  }
  state.counters["gflop_s"] = 2.0 * static_cast<double>(k * k * kHessianTokens) / best / 1e9;
}

}  // namespace
}  // namespace lacuna::bench

int main(int argc, char** argv) {
  using namespace lacuna::bench;
  for (const LinearShape& shape : kLinearShapes) {
    for (int m : kLinearRows) {
      benchmark::RegisterBenchmark((std::string(shape.name) + "/" + std::to_string(m)).c_str(),
                                   [&shape, m](benchmark::State& state) { Linear(state, shape, m); })
          ->UseRealTime()
          ->MinTime(0.2);
    }
  }
  for (int64_t k : kHessianSizes) {
    benchmark::RegisterBenchmark(("gemm/hessian/" + std::to_string(k)).c_str(),
                                 [k](benchmark::State& state) { Hessian(state, k); })
        ->UseRealTime()
        ->MinTime(0.2);
  }
  const dnnl_version_t* version = dnnl_version();
  benchmark::AddCustomContext("onednn", std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
                                            std::to_string(version->patch));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
