// Linear layers of real shapes over packed weights of every codec, through the op that the decoder calls, beside the
// roofs of the same moment; each result is checked against the reference. Names are CODEC[-DENSITY]/MODEL/LAYER/M, for
// example --benchmark_filter='bitmap-int4-0.5/llama-8b/.*/1/'. gb_s counts the codec's own bytes. LACUNA_THREADS.
#include <cstring>
#include <string>
#include <vector>

#include "base/fp_scope.h"
#include "bench/harness.h"
#include "bench/linear_shapes.h"
#include "kernels/ref/ref.h"
#include "ops/linear.h"
#include "weights/random_packed.h"

namespace lacuna::bench {
namespace {

struct PackedLayer {
  const char* codec;
  double density;  // of a bitmap; 1: of any other codec
  const LinearShape* shape;

  bool operator==(const PackedLayer&) const = default;
};

// The same weight in other memory.
PackedWeight Copy(const PackedWeight& from) {
  PackedWeight to = OrExit(DescribePacked("copy", from.n, from.k, from.codec));
  std::size_t bytes = 0;
  const auto room = [](std::size_t size) { return (size + kStreamTail + 63) / 64 * 64; };
  for (const auto& stream : from.streams) bytes += room(stream.size());
  to.data = OrExit(AlignedBuffer::Create(bytes, "packed weight"));
  std::byte* at = to.data.data();
  for (std::size_t s = 0; s < from.streams.size(); ++s) {
    if (from.streams[s].empty()) continue;
    std::memcpy(at, from.streams[s].data(), from.streams[s].size());
    to.streams[s] = {at, from.streams[s].size()};
    at += room(from.streams[s].size());
  }
  if (!BindPacked(&to).ok()) std::abort();
  return to;
}

// More than any cache holds; the layer in use stays while its M go by.
std::vector<LinearSet>& Sets(const PackedLayer& layer) {
  static PackedLayer current{};
  static std::vector<LinearSet> sets;
  if (current == layer) return sets;
  current = layer;
  sets.clear();
  const Codec codec = OrExit(ParseCodec(layer.codec));
  const LinearShape& shape = *layer.shape;
  sets.emplace_back();
  sets.back().members.push_back(
      {.weight = OrExit(RandomPacked(shape.name, shape.n, shape.k, codec, {.density = layer.density}))});
  const auto bytes = static_cast<int64_t>(sets[0].members[0].weight.ReadBytes());
  for (int64_t i = 1; i < (kSetBytes + bytes - 1) / bytes; ++i) {
    sets.emplace_back();
    sets.back().members.push_back({.weight = Copy(sets[0].members[0].weight)});
  }
  return sets;
}

// The last panel of rows 0 and m - 1, from the reference.
bool IsRight(const PackedWeight& w, const std::vector<float>& x, const std::vector<float>& y, int m) {
  FpScope fp;
  const int panel = w.panels() - 1, group = w.activation_group();
  const bool int8 = w.codec.activations == Activations::kInt8;
  std::vector<int8_t> q(static_cast<std::size_t>(w.k_padded));
  std::vector<bf16> rounded(static_cast<std::size_t>(w.k_padded));
  std::vector<float> scales(static_cast<std::size_t>((w.k_padded + group - 1) / group));
  std::vector<int32_t> sums(static_cast<std::size_t>(w.k_padded / 32 + 1));
  for (int row : {0, m - 1}) {
    const float* from = x.data() + static_cast<std::size_t>(row) * w.k;
    float want[16];
    const kernels::LinearPackedArgs args{.w = &w.view,
                                         .x = int8 ? static_cast<const void*>(q.data()) : rounded.data(),
                                         .x_stride = w.k_padded,
                                         .x_scales = scales.data(),
                                         .x_sums = sums.data(),
                                         .x_rows = 1,
                                         .activation_group = group,
                                         .y = want,
                                         .y_stride = 16,
                                         .m = 1,
                                         .k_begin = 0,
                                         .k_end = w.k_padded,
                                         .panel_begin = panel,
                                         .panel_end = panel + 1};
    if (int8) {
      kernels::RefInputInt8Rows({.x = from,
                                 .x_stride = w.k,
                                 .to = q.data(),
                                 .scales = scales.data(),
                                 .sums = sums.data(),
                                 .m = 1,
                                 .x_rows = 1,
                                 .k = w.k,
                                 .k_padded = w.k_padded,
                                 .activation_group = group,
                                 .block_rows = 1,
                                 .row_begin = 0,
                                 .row_end = 1});
      kernels::RefLinearPackedInt8(args);
    } else {
      kernels::RefToBf16(from, w.k, w.k_padded, rounded.data());
      kernels::RefLinearPackedBf16(args);
    }
    for (int n = panel * 16; n < w.n; ++n) {
      if (y[static_cast<std::size_t>(row) * w.n + n] != want[n % 16]) return false;
    }
  }
  return true;
}

void Packed(benchmark::State& state, const PackedLayer& layer, int m) {
  std::vector<LinearSet>& sets = Sets(layer);
  const LinearShape& shape = *layer.shape;
  std::vector<float> x(static_cast<std::size_t>(m) * shape.k), y(static_cast<std::size_t>(m) * shape.n);
  for (int64_t row = 0; row < m; ++row) {
    for (int64_t k = 0; k < shape.k; ++k) x[row * shape.k + k] = InputAt(shape, row, k);
  }
  AlignedBuffer workspace =
      OrExit(AlignedBuffer::Create(LinearWorkspace(m, shape.k, machine.team->workers()), "workspace"));
  const View out[] = {F32View(y.data(), m, shape.n)};
  LinearArgs args{.x = F32View(x.data(), m, shape.k), .y = out, .workspace = workspace.As<std::byte>()};

  const PackedWeight& weight = sets[0].members[0].weight;
  machine.meter->Use(PeakOf(machine.tier, weight.codec.activations == Activations::kInt8));
  const Measured measured;
  std::size_t next = 0;
  for (auto _ : state) {
    args.set = &sets[next++ % sets.size()];
    if (!lacuna::Linear(*machine.backend, args).ok()) state.SkipWithError("linear failed");
  }
  measured.Report(state, OpKind::kLinear);
  if (!IsRight(weight, x, y, m)) state.SkipWithError("not the reference's result");
  state.counters["n"] = shape.n;
  state.counters["k"] = shape.k;
  state.counters["m"] = m;
  state.counters["bits_per_weight"] = 8.0 * static_cast<double>(weight.ReadBytes()) / shape.n / shape.k;
  state.counters["stream_share"] = state.counters["gb_s"] / state.counters["stream_gb_s"];
}

void RegisterAll() {
  struct Kind {
    const char* codec;
    bool bitmap;
  };
  for (const Kind& kind : {Kind{"int8", false}, Kind{"int4", false}, Kind{"int4z", false}, Kind{"codebook", false},
                           Kind{"bitmap-bf16", true}, Kind{"bitmap-int8", true}, Kind{"bitmap-int4", true},
                           Kind{"bitmap-int4z", true}, Kind{"bitmap-codebook", true}}) {
    for (const char* density : {"0.3", "0.5", "0.7", "1"}) {
      if (!kind.bitmap && std::strcmp(density, "1") != 0) continue;
      for (const LinearShape& shape : kLinearShapes) {
        for (int m : kLinearRows) {
          const PackedLayer layer{kind.codec, std::atof(density), &shape};
          const std::string name = kind.bitmap ? std::string(kind.codec) + "-" + density : kind.codec;
          Register(name + "/" + shape.name + "/" + std::to_string(m),
                   [layer, m](benchmark::State& state) { Packed(state, layer, m); });
        }
      }
    }
  }
}

}  // namespace
}  // namespace lacuna::bench

int main(int argc, char** argv) { return lacuna::bench::Main(argc, argv, lacuna::bench::RegisterAll); }
