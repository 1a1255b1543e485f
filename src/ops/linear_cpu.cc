#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "kernels/ref/ref.h"
#include "ops/linear.h"
#include "ops/linear_blocks.h"
#include "ops/linear_units.h"

namespace lacuna {
void CpuBackend::LinearBf16(const LinearArgs& args) {
  const LinearSet& set = *args.set;
  const bool pair = IsPair(args.epilogue);
  const int k_padded = set.members[0].weight.k_padded;
  std::byte* input = args.workspace.data();
  std::byte* blocks = input + LinearInputsBytes(args.x.rows, set.k());
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
  const bool pair = IsPair(args.epilogue);
  std::byte* blocks = args.workspace.data() + LinearInputsBytes(args.x.rows, set.k());
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
  const std::vector<LinearMember>& members = args.set->members;
  const auto all = [&](const Codec& codec) {
    return args.input_rows.empty() && std::all_of(members.begin(), members.end(), [&](const LinearMember& m) {
             return m.weight.codec == codec && m.weight.in_perm().empty();
           });
  };
  if (members[0].weight.codec == Codec::kF32) {
    LinearF32(args);
  } else if (all(Codec::kBf16)) {
    LinearBf16(args);
  } else {
    LinearPacked(args);
  }
}

}  // namespace lacuna
