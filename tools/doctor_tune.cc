#include "tools/doctor_tune.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>

#include "backend/cpu/cpu_backend.h"
#include "base/status_macros.h"
#include "ops/linear.h"
#include "weights/random_packed.h"

namespace lacuna::tools {
namespace {

constexpr int kRows[] = {1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 24, 32};
constexpr int kMostRows = 32;

// The same bytes elsewhere in memory.
Result<PackedWeight> Copy(const PackedWeight& from) {
  LACUNA_ASSIGN_OR_RETURN(PackedWeight to, DescribePacked("tuning layer", from.n, from.k, from.codec));
  const auto room = [](std::size_t bytes) { return (bytes + kStreamTail + 63) / 64 * 64; };
  std::size_t bytes = 0;
  for (const auto& stream : from.streams) bytes += room(stream.size());
  LACUNA_ASSIGN_OR_RETURN(to.data, AlignedBuffer::Create(bytes, "tuning layer"));
  std::byte* at = to.data.data();
  for (int i = 0; i < kStreams; ++i) {
    const auto stream = from.stream(static_cast<Stream>(i));
    if (stream.empty()) continue;
    std::memcpy(at, stream.data(), stream.size());
    to.stream(static_cast<Stream>(i)) = {at, stream.size()};
    at += room(stream.size());
  }
  LACUNA_RETURN_IF_ERROR(BindPacked(&to));
  return to;
}

Result<PackedWeight> DenseWeight(const TuneSize& size) {
  std::vector<uint16_t> values(static_cast<std::size_t>(size.channels) * static_cast<std::size_t>(size.inputs));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<uint16_t>(0x3c00 + (i * 2654435761u >> 20) % 512);
  return PackLinear({.name = "tuning layer",
                     .data = reinterpret_cast<const std::byte*>(values.data()),
                     .type = ElementType::kBf16,
                     .n = size.channels,
                     .k = size.inputs},
                    Codec::kBf16);
}

// Copies of one layer, used in turn.
class Layer {
 public:
  static Result<std::unique_ptr<Layer>> Create(PackedWeight weight, const TuneSize& size, ThreadTeam& team) {
    auto layer = std::make_unique<Layer>(size);
    const std::size_t copies = std::max<std::size_t>(1, size.bytes / weight.ReadBytes());
    for (std::size_t i = 1; i < copies; ++i) {
      LACUNA_ASSIGN_OR_RETURN(PackedWeight copy, Copy(weight));
      layer->sets_.emplace_back().members.push_back({.weight = std::move(copy)});
    }
    layer->sets_.emplace_back().members.push_back({.weight = std::move(weight)});
    LACUNA_ASSIGN_OR_RETURN(
        layer->workspace_,
        AlignedBuffer::Create(LinearWorkspace(kMostRows, size.inputs, team.workers()), "tuning workspace"));
    return layer;
  }
  explicit Layer(const TuneSize& size)
      : size_(size),
        x_(static_cast<std::size_t>(kMostRows) * static_cast<std::size_t>(size.inputs), 0.5f),
        y_(static_cast<std::size_t>(kMostRows) * static_cast<std::size_t>(size.channels)) {}

  // The shortest of some calls by each of two backends, taking turns.
  Status Compare(CpuBackend& a, CpuBackend& b, int rows, double* a_ns, double* b_ns) {
    for (int round = 0; round < size_.rounds; ++round) {
      LACUNA_RETURN_IF_ERROR(Time(a, rows, round == 0, a_ns));
      LACUNA_RETURN_IF_ERROR(Time(b, rows, round == 0, b_ns));
    }
    return {};
  }

 private:
  Status Time(CpuBackend& backend, int rows, bool first, double* best) {
    const View out[] = {F32View(y_.data(), rows, size_.channels)};
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    LACUNA_RETURN_IF_ERROR(Linear(backend, {.set = &sets_[next_++ % sets_.size()],
                                            .x = F32View(x_.data(), rows, size_.inputs),
                                            .y = out,
                                            .workspace = workspace_.As<std::byte>()}));
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    *best = first ? ns : std::min(*best, ns);
    return {};
  }

  const TuneSize size_;
  std::vector<LinearSet> sets_;
  std::vector<float> x_, y_;
  AlignedBuffer workspace_;
  std::size_t next_ = 0;
};

// What is measured for one kind of layer, and where its results go.
struct Tuning {
  ThreadTeam& team;
  const CpuFeatures& features;
  Tier tier;
  TuneResult* result;

  template <class Row>
  bool Measures(const Row& kernel) const {
    return kernel.from != Crossover::kAlways && kernel.tier <= tier && HasTier(features, kernel.tier);
  }

  // Slow to fast, so that each kernel is compared with what was found best before it.
  template <class Row>
  Status Kernels(std::span<const Row> kernels, Layer& layer) const {
    CostTable found = result->costs;
    for (const Row& kernel : kernels) {
      if (kernel.from != Crossover::kAlways) found.from[static_cast<int>(kernel.from)] = kNever;
    }
    for (const Row& kernel : kernels) {
      if (!Measures(kernel)) continue;
      const auto slot = static_cast<std::size_t>(kernel.from);
      CostTable with = found;
      with.from[slot] = 1;
      const KernelTarget without_target{features, kernel.tier, found};
      CpuBackend with_kernel(team, KernelTarget{features, kernel.tier, with});
      CpuBackend without_kernel(team, without_target);
      std::vector<TuneStep> steps;
      int at_most = kNever;
      for (int rows : kRows) {
        if (rows < kernel.min_m || rows > kernel.max_m) continue;
        const Row& instead = Select(kernels, rows, without_target);
        if (instead.tier <= Tier::kSimd && kernel.tier > Tier::kSimd) at_most = std::min(at_most, rows);
        TuneStep step{.kernel = kernel.name, .instead = instead.name, .rows = rows};
        LACUNA_RETURN_IF_ERROR(layer.Compare(with_kernel, without_kernel, rows, &step.ns, &step.instead_ns));
        steps.push_back(step);
      }
      // Where only AVX2 is left instead, noise alone would choose it.
      found.from[slot] = std::min(CrossoverOf(steps), at_most);
      result->costs.from[slot] = found.from[slot];
      result->steps.insert(result->steps.end(), steps.begin(), steps.end());
    }
    return {};
  }
};

}  // namespace

int CrossoverOf(const std::vector<TuneStep>& steps) {
  int from = kNever;
  double gain = 0, most = 0;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    gain += std::log(step->instead_ns / step->ns) - 0.02;
    if (gain <= most) continue;
    most = gain;
    from = step->rows;
  }
  return from;
}

Result<TuneResult> TuneCosts(ThreadTeam& team, const CpuFeatures& features, Tier tier, const TuneSize& size) {
  TuneResult result{.costs = DefaultCosts(features)};
  const Tuning tuning{team, features, tier, &result};
  if (std::ranges::any_of(LinearBf16Kernels(), [&](const auto& kernel) { return tuning.Measures(kernel); })) {
    LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, DenseWeight(size));
    LACUNA_ASSIGN_OR_RETURN(const auto layer, Layer::Create(std::move(weight), size, team));
    LACUNA_RETURN_IF_ERROR(tuning.Kernels(LinearBf16Kernels(), *layer));
  }
  for (const char* name : {"int8", "bitmap-int8", "int4", "bitmap-int4", "bitmap-bf16"}) {
    LACUNA_ASSIGN_OR_RETURN(const Codec codec, ParseCodec(name));
    const auto kernels = LinearPackedKernels({codec.type(), codec.bitmap, codec.activations == Activations::kInt8});
    if (std::ranges::none_of(kernels, [&](const auto& kernel) { return tuning.Measures(kernel); })) continue;
    LACUNA_ASSIGN_OR_RETURN(PackedWeight weight,
                            RandomPacked("tuning layer", size.channels, size.inputs, codec, {.density = 0.5}));
    LACUNA_ASSIGN_OR_RETURN(const auto layer, Layer::Create(std::move(weight), size, team));
    LACUNA_RETURN_IF_ERROR(tuning.Kernels(kernels, *layer));
  }
  return result;
}

}  // namespace lacuna::tools
