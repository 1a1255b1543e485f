// How the CPU's linear op shares out its work, and the epilogue of what was computed: for linear_cpu.cc and
// linear_packed_cpu.cc.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backend/cpu/elementwise.h"
#include "ops/linear.h"
#include "ops/linear_blocks.h"

namespace lacuna {

// Panels of one member that are computed together, and of its partner in a pair.
struct Unit {
  std::size_t member;
  int panel, panel_end;
  int64_t channel, channels;  // the channels there are; the last panel may have fewer than 16
};

class Units {
 public:
  // Of the members whose bit is set; a pair's units are those of its first.
  Units(const LinearArgs& args, int64_t rows, int workers, uint64_t members = ~uint64_t{0})
      : members_(args.set->members), chosen_(members), pair_(IsPair(args.epilogue)) {
    int64_t panels = 0;
    for (std::size_t m = 0; m < Listed(); ++m) panels += Panels(m);
    panels_ = UnitPanels(rows, panels, pair_ ? 2 : 1, workers);
    for (std::size_t m = 0; m < Listed(); ++m) count_ += Of(m);
  }

  int64_t count() const { return count_; }

  // Where a worker's share begins when shares have equal bytes: a bitmap's panels differ. The rounding is to the
  // nearest unit, so that a share is within a unit of the mean.
  int64_t ShareBegin(int worker, int workers) const {
    const uint64_t target = BytesBefore(count_) * 2 / static_cast<uint64_t>(workers) * static_cast<uint64_t>(worker);
    if (worker == workers) return count_;
    int64_t low = 0, high = count_;  // the first unit whose middle is not before the target
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (BytesBefore(middle) + BytesBefore(middle + 1) < target) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
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
  int64_t Panels(std::size_t m) const { return chosen_ >> m & 1 ? members_[m].weight.panels() : 0; }
  // Of units [0, i), what a pass reads.
  uint64_t BytesBefore(int64_t i) const {
    uint64_t bytes = 0;
    for (std::size_t m = 0; m < Listed() && i > 0; ++m) {
      const int64_t units = std::min(i, Of(m));
      const int panels = static_cast<int>(std::min(units * panels_, Panels(m)));
      bytes += members_[m].weight.ReadBytesBefore(panels);
      if (pair_) bytes += members_[1].weight.ReadBytesBefore(panels);
      i -= units;
    }
    return bytes;
  }
  int64_t Of(std::size_t m) const { return (Panels(m) + panels_ - 1) / panels_; }

  const std::vector<LinearMember>& members_;
  const uint64_t chosen_;
  bool pair_;
  int panels_ = 1;
  int64_t count_ = 0;
};

inline void AddBias(const LinearMember& member, const Unit& unit, int64_t rows, float* block, int64_t stride) {
  if (member.bias.empty()) return;
  const float* bias = member.bias.data() + unit.channel;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < unit.channels; ++c) block[row * stride + c] += bias[c];
  }
}

// Bias, activation, times up, plus residual, into the member's output; `second` is the pair's up.
inline void Finish(const kernels::ElementwiseKernels& elementwise, const LinearArgs& args, const Unit& unit,
                   int64_t row0, int64_t rows, float* block, float* second, int64_t stride) {
  const LinearMember& member = args.set->members[unit.member];
  AddBias(member, unit, rows, block, stride);
  if (IsPair(args.epilogue)) AddBias(args.set->members[1], unit, rows, second, stride);
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
      case LinearEpilogue::kGeluMul:
        elementwise.gelu_mul(from, second + row * stride, static_cast<int>(unit.channels), to);
        break;
      case LinearEpilogue::kResidual:
        elementwise.add(from, to, static_cast<int>(unit.channels), to);
        break;
    }
  }
}

}  // namespace lacuna
