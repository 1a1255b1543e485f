#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "kernels/ref/ref.h"
#include "ops/linear.h"
#include "ops/linear_blocks.h"

namespace lacuna {
namespace {

// Panels of one member that are computed together, and of its partner in a pair.
struct Unit {
  std::size_t member;
  int panel, panel_end;
  int64_t channel, channels;  // the channels there are; the last panel may have fewer than 16
};

class Units {
 public:
  Units(const LinearArgs& args, int64_t rows, int workers)
      : members_(args.set->members), pair_(args.epilogue == LinearEpilogue::kSiluMul) {
    int64_t panels = 0;
    for (std::size_t m = 0; m < Listed(); ++m) panels += members_[m].weight.panels();
    panels_ = UnitPanels(rows, panels, pair_ ? 2 : 1, workers);
    for (std::size_t m = 0; m < Listed(); ++m) count_ += Of(m);
  }

  int64_t count() const { return count_; }
  int stride() const { return BlockStride(panels_); }

  Unit operator[](int64_t i) const {
    std::size_t m = 0;
    while (i >= Of(m)) i -= Of(m++);
    const PackedWeight& w = members_[m].weight;
    const int panel = static_cast<int>(i) * panels_;
    const int panel_end = std::min(panel + panels_, w.panels());
    return {m, panel, panel_end, int64_t{panel} * 16, std::min<int64_t>(panel_end * int64_t{16}, w.n) - panel * 16};
  }

 private:
  std::size_t Listed() const { return pair_ ? 1 : members_.size(); }
  int64_t Of(std::size_t m) const { return (members_[m].weight.panels() + panels_ - 1) / panels_; }

  const std::vector<LinearMember>& members_;
  bool pair_;
  int panels_ = 1;
  int64_t count_ = 0;
};

void AddBias(const LinearMember& member, const Unit& unit, int64_t rows, float* block, int64_t stride) {
  if (member.bias.empty()) return;
  const float* bias = member.bias.data() + unit.channel;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < unit.channels; ++c) block[row * stride + c] += bias[c];
  }
}

// Bias, activation, times up, plus residual, into the member's output; `second` is the pair's up.
void Finish(const kernels::ElementwiseKernels& elementwise, const LinearArgs& args, const Unit& unit, int64_t row0,
            int64_t rows, float* block, float* second, int64_t stride) {
  const LinearMember& member = args.set->members[unit.member];
  AddBias(member, unit, rows, block, stride);
  if (args.epilogue == LinearEpilogue::kSiluMul) AddBias(args.set->members[1], unit, rows, second, stride);
  for (int64_t row = 0; row < rows; ++row) {
    const float* from = block + row * stride;
    float* to = args.y[unit.member].Row(row0 + row) + unit.channel;
    switch (args.epilogue) {
      case LinearEpilogue::kStore:
        std::copy_n(from, unit.channels, to);
        break;
      case LinearEpilogue::kSiluMul:
        elementwise.silu_mul(from, second + row * stride, static_cast<int>(unit.channels), to);
        break;
      case LinearEpilogue::kResidual:
        elementwise.add(from, to, static_cast<int>(unit.channels), to);
        break;
    }
  }
}

}  // namespace

void CpuBackend::LinearBf16(const LinearArgs& args) {
  const LinearSet& set = *args.set;
  const bool pair = args.epilogue == LinearEpilogue::kSiluMul;
  const int k_padded = set.members[0].weight.k_padded;
  std::byte* input = args.workspace.data();
  std::byte* blocks = input + RoundedInputBytes(args.x.rows, set.k());
  uint64_t bytes = 0;
  for (const LinearMember& member : set.members) bytes += member.weight.PanelBytes() * member.weight.panels();

  for (int64_t row0 = 0; row0 < args.x.rows; row0 += kMaxBlockRows) {
    const int rows = static_cast<int>(std::min<int64_t>(args.x.rows - row0, kMaxBlockRows));
    const LinearBf16Kernel& kernel = Select(LinearBf16Kernels(), rows, target_);
    const Units units(args, rows, team_.workers());
    const auto dots = [&](const PackedWeight& w, const Unit& unit, float* block) {
      kernel.run({.x = input,
                  .x_stride = k_padded,
                  .w = w.Bf16(),
                  .y = block,
                  .y_stride = units.stride(),
                  .m = rows,
                  .k_padded = k_padded,
                  .k_segment = w.k_segment,
                  .panel_begin = unit.panel,
                  .panel_end = unit.panel_end});
    };
    kernel.counter->Add(bytes);
    team_.Run(units.count(), [&](int worker, int workers) {
      const int steps = k_padded / 32;
      kernel.pack({.x = args.x.Row(row0),
                   .x_stride = args.x.stride,
                   .to = input,
                   .m = rows,
                   .k = set.k(),
                   .k_padded = k_padded,
                   .k_begin = static_cast<int>(int64_t{steps} * worker / workers) * 32,
                   .k_end = static_cast<int>(int64_t{steps} * (worker + 1) / workers) * 32,
                   .block_rows = kernel.block_rows});
      team_.Barrier(worker);
      if (kernel.begin != nullptr) kernel.begin(rows);
      float* block = reinterpret_cast<float*>(blocks + worker * BlockBytes(args.x.rows));
      float* second = block + rows * units.stride();
      team_.ForBlocks(
          worker,
          [&](int64_t begin, int64_t end, int) {
            for (int64_t u = begin; u < end; ++u) {
              const Unit unit = units[u];
              dots(set.members[unit.member].weight, unit, block);
              if (pair) dots(set.members[1].weight, unit, second);
              Finish(elementwise_, args, unit, row0, rows, block, second, units.stride());
            }
          },
          1);
      if (kernel.end != nullptr) kernel.end();
    });
  }
}

// f32 mode: for parity, through the reference.
void CpuBackend::LinearF32(const LinearArgs& args) {
  const LinearSet& set = *args.set;
  const bool pair = args.epilogue == LinearEpilogue::kSiluMul;
  std::byte* blocks = args.workspace.data() + RoundedInputBytes(args.x.rows, set.k());
  for (int64_t row0 = 0; row0 < args.x.rows; row0 += kMaxBlockRows) {
    const int rows = static_cast<int>(std::min<int64_t>(args.x.rows - row0, kMaxBlockRows));
    const Units units(args, rows, team_.workers());
    const auto dots = [&](const PackedWeight& w, const Unit& unit, float* block) {
      kernels::RefLinearF32({.x = args.x.Row(row0),
                             .x_stride = args.x.stride,
                             .w = w.F32(),
                             .y = block,
                             .y_stride = units.stride(),
                             .m = rows,
                             .k = w.k,
                             .panel_begin = unit.panel,
                             .panel_end = unit.panel_end});
    };
    team_.ParallelFor(units.count(), [&](int64_t begin, int64_t end, int worker) {
      float* block = reinterpret_cast<float*>(blocks + worker * BlockBytes(args.x.rows));
      float* second = block + rows * units.stride();
      for (int64_t u = begin; u < end; ++u) {
        const Unit unit = units[u];
        dots(set.members[unit.member].weight, unit, block);
        if (pair) dots(set.members[1].weight, unit, second);
        Finish(elementwise_, args, unit, row0, rows, block, second, units.stride());
      }
    });
  }
}

void CpuBackend::Linear(const LinearArgs& args) {
  if (args.set->members[0].weight.codec == Codec::kF32) {
    LinearF32(args);
  } else {
    LinearBf16(args);
  }
}

}  // namespace lacuna
