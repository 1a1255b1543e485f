// The linear op over members of any codec. Members that take the same input (type and group of activations, layout,
// permutation of columns) share it; others run one after another, except a pair's, whose inputs stand side by side.
#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "ops/linear.h"
#include "ops/linear_blocks.h"
#include "ops/linear_units.h"

namespace lacuna {
namespace {

using kernels::LinearInput;

// What runs a member: a row of either list.
struct MemberKernel {
  const LinearBf16Kernel* dense = nullptr;
  const LinearPackedKernel* packed = nullptr;

  LinearInput layout() const { return dense != nullptr ? dense->input : packed->input; }
  int block_rows() const { return dense != nullptr ? dense->block_rows : packed->block_rows; }
  auto begin() const { return dense != nullptr ? dense->begin : packed->begin; }
  auto end() const { return dense != nullptr ? dense->end : packed->end; }
  KernelCounter* counter() const { return dense != nullptr ? dense->counter : packed->counter; }
};

MemberKernel KernelFor(const PackedWeight& w, int rows, const KernelTarget& target) {
  if (w.codec == Codec::kBf16) return {.dense = &Select(LinearBf16Kernels(), rows, target)};
  const PackedKind kind{w.codec.type(), w.codec.bitmap, w.codec.activations == Activations::kInt8};
  return {.packed = &Select(LinearPackedKernels(kind), rows, target)};
}

// begin() and end() around a thread's calls of kernels that share them: once a region, unless a pair's differ.
class OpenKernel {
 public:
  ~OpenKernel() { Close(); }
  void Use(const MemberKernel& kernel, int rows) {
    if (kernel.begin() == begin_) return;
    Close();
    begin_ = kernel.begin();
    end_ = kernel.end();
    if (begin_ != nullptr) begin_(rows);
  }

 private:
  void Close() {
    if (end_ != nullptr) end_();
    end_ = nullptr;
  }
  void (*begin_)(int) = nullptr;
  void (*end_)() = nullptr;
};

// One input in memory, and which members it fits.
struct Input {
  const PackedWeight* weight = nullptr;  // the first member's
  MemberKernel kernel;
  bool int8 = false;
  int x_rows = 0;
  std::byte* x = nullptr;
  float* scales = nullptr;
  int32_t* sums = nullptr;

  Input() = default;
  Input(const PackedWeight& w, const MemberKernel& k, int rows, std::byte* at)
      : weight(&w), kernel(k), int8(w.codec.activations == Activations::kInt8), x_rows(rows), x(at) {
    if (!int8) return;
    if (k.layout() == LinearInput::kInt8Tiles && rows > 16) x_rows = (rows + 15) / 16 * 16;
    const auto count = static_cast<ptrdiff_t>(x_rows);
    const int groups = (w.k_padded + w.activation_group() - 1) / w.activation_group();
    scales = reinterpret_cast<float*>(at + (count * w.k_padded + 63) / 64 * 64);
    sums = reinterpret_cast<int32_t*>(scales + count * groups);
  }

  bool Fits(const PackedWeight& w, const MemberKernel& k) const {
    if (k.layout() != kernel.layout() || k.block_rows() != kernel.block_rows() || w.k_padded != weight->k_padded)
      return false;
    if (int8 != (w.codec.activations == Activations::kInt8)) return false;
    if (int8 && w.activation_group() != weight->activation_group()) return false;
    const auto a = w.in_perm(), b = weight->in_perm();
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
  }
};

// One pass over some of the members: at most two inputs.
class Phase {
 public:
  Phase(const LinearArgs& args, int64_t row0, int rows, const KernelTarget& target, ThreadTeam& team,
        const kernels::ElementwiseKernels& elementwise)
      : args_(args), row0_(row0), rows_(rows), target_(target), team_(team), elementwise_(elementwise) {}

  // Takes the first of the members left and those that fit its input, a pair both. Returns what is still left.
  uint64_t Choose(uint64_t left) {
    const auto& members = args_.set->members;
    const bool pair = IsPair(args_.epilogue);
    for (std::size_t m = 0; m < members.size(); ++m) {
      if ((left >> m & 1) == 0) continue;
      const PackedWeight& w = members[m].weight;
      const MemberKernel kernel = KernelFor(w, rows_, target_);
      int input = 0;
      while (input < inputs_count_ && !inputs_[input].Fits(w, kernel)) ++input;
      if (input == inputs_count_) {
        if (input == (pair ? 2 : 1)) continue;
        std::byte* at = args_.workspace.data() + static_cast<std::size_t>(input) * RoundedInputBytes(args_.rows(), w.k);
        inputs_[inputs_count_++] = Input(w, kernel, rows_, at);
      }
      kernels_[m] = kernel;
      input_of_[m] = input;
      chosen_ |= uint64_t{1} << m;
      kernel.counter()->Add(w.ReadBytes());
    }
    return left & ~chosen_;
  }

  void Run() {
    const Units units(args_, rows_, team_.workers(), chosen_);
    const bool pair = IsPair(args_.epilogue);
    std::byte* blocks = args_.workspace.data() + LinearInputsBytes(args_.rows(), args_.set->k());
    const auto work = [&](int worker, int workers) {
      for (int i = 0; i < inputs_count_; ++i) Round(inputs_[i], worker, workers);
      OpenKernel open;
      float* block = reinterpret_cast<float*>(blocks + static_cast<std::size_t>(worker) * BlockBytes(args_.rows()));
      float* second = block + rows_ * units.stride();
      team_.ForBlocks(
          worker,
          [&](int64_t begin, int64_t end, int) {
            for (int64_t u = begin; u < end; ++u) {
              const Unit unit = units[u];
              Dots(unit.member, unit, units.stride(), block, open);
              if (pair) Dots(1, unit, units.stride(), second, open);
              Finish(elementwise_, args_, unit, row0_, rows_, block, second, units.stride());
            }
          },
          1);
    };
    // Few rows take as long as their weights' bytes, many rows as their products, which are the same in each panel.
    if (rows_ <= kFewRows) {
      team_.Run([&](int worker) { return units.ShareBegin(worker, team_.workers()); }, work);
    } else {
      team_.Run(units.count(), work);
    }
  }

 private:
  // This worker's part of an input. All workers call it, and have left when all parts are there.
  void Round(const Input& input, int worker, int workers) {
    const PackedWeight& w = *input.weight;
    const float* x = args_.x.Row(args_.input_rows.empty() ? row0_ : 0);
    ptrdiff_t stride = args_.x.stride;
    if (!args_.input_rows.empty() || !w.in_perm().empty()) {
      float* gathered = reinterpret_cast<float*>(args_.workspace.data() + 2 * RoundedInputBytes(args_.rows(), w.k));
      for (int row = worker; row < rows_; row += workers)
        Gather(w.in_perm(), row, gathered + static_cast<ptrdiff_t>(row) * w.k);
      team_.Barrier(worker);
      x = gathered;
      stride = w.k;
    }
    const int block = input.kernel.block_rows();
    if (input.int8) {
      const int count = (rows_ + block - 1) / block;
      const int begin = std::min(rows_, static_cast<int>(int64_t{count} * worker / workers) * block);
      const int end = std::min(rows_, static_cast<int>(int64_t{count} * (worker + 1) / workers) * block);
      if (begin < end) {
        input.kernel.packed->pack_int8({.x = x,
                                        .x_stride = stride,
                                        .to = reinterpret_cast<int8_t*>(input.x),
                                        .scales = input.scales,
                                        .sums = input.sums,
                                        .m = rows_,
                                        .x_rows = input.x_rows,
                                        .k = w.k,
                                        .k_padded = w.k_padded,
                                        .activation_group = w.activation_group(),
                                        .block_rows = block,
                                        .row_begin = begin,
                                        .row_end = end});
      }
    } else {
      const int steps = w.k_padded / 32;
      const auto pack = input.kernel.dense != nullptr ? input.kernel.dense->pack : input.kernel.packed->pack;
      pack({.x = x,
            .x_stride = stride,
            .to = input.x,
            .m = rows_,
            .k = w.k,
            .k_padded = w.k_padded,
            .k_begin = static_cast<int>(int64_t{steps} * worker / workers) * 32,
            .k_end = static_cast<int>(int64_t{steps} * (worker + 1) / workers) * 32,
            .block_rows = block});
    }
    team_.Barrier(worker);
  }

  void Gather(std::span<const int32_t> perm, int row, float* to) const {
    const int64_t from_row =
        args_.input_rows.empty() ? row0_ + row : args_.input_rows[static_cast<std::size_t>(row0_ + row)];
    const float* from = args_.x.Row(from_row);
    if (perm.empty()) {
      std::copy_n(from, args_.set->k(), to);
    } else {
      for (std::size_t j = 0; j < perm.size(); ++j) to[j] = from[perm[j]];
    }
  }

  void Dots(std::size_t member, const Unit& unit, int stride, float* block, OpenKernel& open) const {
    const PackedWeight& w = args_.set->members[member].weight;
    const MemberKernel& kernel = kernels_[member];
    const Input& input = inputs_[input_of_[member]];
    open.Use(kernel, rows_);
    if (kernel.dense != nullptr) {
      kernel.dense->run({.x = input.x,
                         .x_stride = w.k_padded,
                         .w = w.Bf16(),
                         .y = block,
                         .y_stride = stride,
                         .m = rows_,
                         .k_padded = w.k_padded,
                         .k_segment = w.k_segment,
                         .panel_begin = unit.panel,
                         .panel_end = unit.panel_end});
      return;
    }
    kernel.packed->run({.w = &w.view,
                        .x = input.x,
                        .x_stride = w.k_padded,
                        .x_scales = input.scales,
                        .x_sums = input.sums,
                        .x_rows = input.x_rows,
                        .activation_group = w.activation_group(),
                        .y = block,
                        .y_stride = stride,
                        .m = rows_,
                        .k_begin = 0,
                        .k_end = w.k_padded,
                        .panel_begin = unit.panel,
                        .panel_end = unit.panel_end});
  }

  const LinearArgs& args_;
  const int64_t row0_;
  const int rows_;
  const KernelTarget& target_;
  ThreadTeam& team_;
  const kernels::ElementwiseKernels& elementwise_;
  Input inputs_[2];
  int inputs_count_ = 0;
  uint64_t chosen_ = 0;
  MemberKernel kernels_[kMaxMembers];
  int input_of_[kMaxMembers] = {};
};

}  // namespace

void CpuBackend::LinearPacked(const LinearArgs& args) {
  const uint64_t all = (uint64_t{1} << args.set->members.size()) - 1;
  for (int64_t row0 = 0; row0 < args.rows(); row0 += kMaxBlockRows) {
    const int rows = static_cast<int>(std::min<int64_t>(args.rows() - row0, kMaxBlockRows));
    for (uint64_t left = all; left != 0;) {
      Phase phase(args, row0, rows, target_, team_, elementwise_);
      left = phase.Choose(left);
      phase.Run();
    }
  }
}

}  // namespace lacuna
