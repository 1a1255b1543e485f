#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "kernels/ref/ref.h"
#include "ops/linear.h"
#include "ops/linear_blocks.h"

namespace lacuna {
namespace {

struct Input {
  const View& x;
  const bf16* rounded;
  int64_t rounded_stride;
};

// Raw dots of panels [begin, end) for all rows into `block`, rows kUnitChannels apart.
void Dots(const PackedWeight& w, const Input& in, int begin, int end, float* block) {
  const int rows = static_cast<int>(in.x.rows);
  if (w.codec == Codec::kF32) {
    kernels::RefLinearF32({.x = in.x.Row(0),
                           .x_stride = in.x.stride,
                           .w = w.F32(),
                           .y = block,
                           .y_stride = kUnitChannels,
                           .m = rows,
                           .k = w.k,
                           .panel_begin = begin,
                           .panel_end = end});
  } else {
    kernels::RefLinearBf16({.x = in.rounded,
                            .x_stride = in.rounded_stride,
                            .w = w.Bf16(),
                            .y = block,
                            .y_stride = kUnitChannels,
                            .m = rows,
                            .k_padded = w.k_padded,
                            .k_segment = w.k_segment,
                            .panel_begin = begin,
                            .panel_end = end});
  }
}

void AddBias(const LinearMember& member, int64_t channel, int64_t channels, int64_t rows, float* block) {
  if (member.bias.empty()) return;
  for (int64_t row = 0; row < rows; ++row) {
    for (int64_t c = 0; c < channels; ++c) block[row * kUnitChannels + c] += member.bias[channel + c];
  }
}

int Units(const LinearMember& member) { return (member.weight.n + kUnitChannels - 1) / kUnitChannels; }

}  // namespace

void CpuBackend::Linear(const LinearArgs& args) {
  const LinearSet& set = *args.set;
  const int64_t rows = args.x.rows;
  const bool pair = args.epilogue == LinearEpilogue::kSiluMul;

  const int k_padded = set.members[0].weight.k_padded;
  auto* rounded = reinterpret_cast<bf16*>(args.workspace.data());
  if (set.members[0].weight.codec == Codec::kBf16) {
    team_.ParallelFor(rows, [&](int64_t begin, int64_t end, int) {
      for (int64_t row = begin; row < end; ++row) {
        elementwise_.to_bf16(args.x.Row(row), set.k(), k_padded, rounded + row * k_padded);
      }
    });
  }
  const Input input{args.x, rounded, k_padded};
  std::byte* blocks = args.workspace.data() + RoundedInputBytes(rows, set.k());

  int64_t units = 0;
  if (pair) {
    units = Units(set.members[0]);
  } else {
    for (const LinearMember& member : set.members) units += Units(member);
  }
  team_.ParallelFor(units, [&](int64_t unit_begin, int64_t unit_end, int worker) {
    float* block = reinterpret_cast<float*>(blocks + worker * BlockBytes(rows));
    float* second = block + rows * kUnitChannels;
    for (int64_t u = unit_begin; u < unit_end; ++u) {
      std::size_t m = 0;
      int64_t unit = u;
      while (!pair && unit >= Units(set.members[m])) unit -= Units(set.members[m++]);
      const LinearMember& member = set.members[m];
      const int64_t channel = unit * kUnitChannels;
      const int64_t channels = std::min<int64_t>(kUnitChannels, member.weight.n - channel);
      const int panel = static_cast<int>(unit) * kUnitPanels;
      const int panel_end = panel + static_cast<int>((channels + 15) / 16);
      Dots(member.weight, input, panel, panel_end, block);
      AddBias(member, channel, channels, rows, block);
      if (pair) {
        const LinearMember& up = set.members[1];
        Dots(up.weight, input, panel, panel_end, second);
        AddBias(up, channel, channels, rows, second);
      }
      for (int64_t row = 0; row < rows; ++row) {
        const float* from = block + row * kUnitChannels;
        float* to = args.y[m].Row(row) + channel;
        if (pair) {
          elementwise_.silu_mul(from, second + row * kUnitChannels, static_cast<int>(channels), to);
        } else if (args.epilogue == LinearEpilogue::kResidual) {
          elementwise_.add(from, to, static_cast<int>(channels), to);
        } else {
          std::copy_n(from, channels, to);
        }
      }
    }
  });
}

}  // namespace lacuna
