#include "tools/doctor_tune.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>

#include "backend/cpu/cpu_backend.h"
#include "base/status_macros.h"
#include "ops/linear.h"

namespace lacuna::tools {
namespace {

constexpr int kChannels = 4096;
constexpr int kInputs = 4096;
constexpr int kCopies = 32;  // 1 GiB: a decoder's weights come from memory, and a server's L3 holds hundreds of MiB
constexpr int kRounds = 5;
constexpr int kRows[] = {1, 2, 3, 4, 5, 6, 8, 9, 12, 16, 24, 32};
constexpr int kMostRows = 32;

class Layer {
 public:
  static Result<std::unique_ptr<Layer>> Create(ThreadTeam& team) {
    auto layer = std::make_unique<Layer>();
    std::vector<uint16_t> values(static_cast<std::size_t>(kChannels) * kInputs);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<uint16_t>(0x3c00 + (i * 2654435761u >> 20) % 512);
    const SourceMatrix source{.name = "tuning layer",
                              .data = reinterpret_cast<const std::byte*>(values.data()),
                              .type = ElementType::kBf16,
                              .n = kChannels,
                              .k = kInputs};
    for (int i = 0; i < kCopies; ++i) {
      LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, PackLinear(source, Codec::kBf16));
      layer->sets_[i].members.push_back({.weight = std::move(weight)});
    }
    LACUNA_ASSIGN_OR_RETURN(
        layer->workspace_,
        AlignedBuffer::Create(LinearWorkspace(kMostRows, kInputs, team.workers()), "tuning workspace"));
    return layer;
  }
  Layer() : x_(kMostRows * kInputs, 0.5f), y_(kMostRows * kChannels) {}

  // The shortest of some calls by each of two backends, taking turns.
  Status Compare(CpuBackend& a, CpuBackend& b, int rows, double* a_ns, double* b_ns) {
    for (int round = 0; round < kRounds; ++round) {
      LACUNA_RETURN_IF_ERROR(Time(a, rows, round == 0, a_ns));
      LACUNA_RETURN_IF_ERROR(Time(b, rows, round == 0, b_ns));
    }
    return {};
  }

 private:
  Status Time(CpuBackend& backend, int rows, bool first, double* best) {
    const View out[] = {F32View(y_.data(), rows, kChannels)};
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    LACUNA_RETURN_IF_ERROR(Linear(backend, {.set = &sets_[next_++ % kCopies],
                                            .x = F32View(x_.data(), rows, kInputs),
                                            .y = out,
                                            .workspace = workspace_.As<std::byte>()}));
    const double ns = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    *best = first ? ns : std::min(*best, ns);
    return {};
  }

  LinearSet sets_[kCopies];
  std::vector<float> x_, y_;
  AlignedBuffer workspace_;
  std::size_t next_ = 0;
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

Result<TuneResult> TuneCosts(ThreadTeam& team, const CpuFeatures& features, Tier tier) {
  TuneResult result{.costs = DefaultCosts(features)};
  LACUNA_ASSIGN_OR_RETURN(const auto layer, Layer::Create(team));
  const auto kernels = LinearBf16Kernels();
  // Slow to fast, so that each kernel is compared with what was found best before it.
  CostTable found = result.costs;
  for (const LinearBf16Kernel& kernel : kernels) {
    if (kernel.from != Crossover::kAlways) found.from[static_cast<int>(kernel.from)] = kNever;
  }
  for (const LinearBf16Kernel& kernel : kernels) {
    if (kernel.from == Crossover::kAlways || kernel.tier > tier || !HasTier(features, kernel.tier)) continue;
    const auto slot = static_cast<std::size_t>(kernel.from);
    CostTable with = found;
    with.from[slot] = 1;
    const KernelTarget without_target{features, kernel.tier, found};
    CpuBackend with_kernel(team, KernelTarget{features, kernel.tier, with});
    CpuBackend without_kernel(team, without_target);
    std::vector<TuneStep> steps;
    for (int rows : kRows) {
      if (rows < kernel.min_m || rows > kernel.max_m) continue;
      TuneStep step{.kernel = kernel.name, .instead = Select(kernels, rows, without_target).name, .rows = rows};
      LACUNA_RETURN_IF_ERROR(layer->Compare(with_kernel, without_kernel, rows, &step.ns, &step.instead_ns));
      steps.push_back(step);
    }
    found.from[slot] = CrossoverOf(steps);
    result.costs.from[slot] = found.from[slot];
    result.steps.insert(result.steps.end(), steps.begin(), steps.end());
  }
  return result;
}

}  // namespace lacuna::tools
