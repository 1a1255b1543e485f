// A linear layer's weight in the layout every kernel reads (kernels/linear.h draws it): panels of 16 output channels.
//
//   bf16: K padded to 32 by zeros, a row of a panel is 64 bytes = 16 channels x 2 k
//   f32:  K as it is, a row of a panel is 64 bytes = 16 channels (f32 mode)
//
// N is padded to whole panels by zeros. Panels are independent: different ranges may be packed by different threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "backend/view.h"
#include "base/aligned_buffer.h"
#include "base/bf16.h"
#include "lacuna/status.h"
#include "weights/codec.h"

namespace lacuna {

// A weight as a file holds it: [n][k] row-major, addresses may be odd.
struct SourceMatrix {
  std::string name;  // for messages: the tensor's name in the file
  const std::byte* data = nullptr;
  ElementType type = ElementType::kF32;
  int64_t n = 0;
  int64_t k = 0;
  int64_t row_stride = 0;  // elements; 0: k
};

// What packing did, over all tensors packed with it; any thread may add.
struct PackStats {
  std::atomic<int64_t> f16_values{0};   // F16 values stored as bf16 ..
  std::atomic<int64_t> f16_rounded{0};  // .. and how many of them lost bits
};

struct PackedWeight {
  Codec codec;
  int n = 0;
  int k = 0;
  int k_padded = 0;   // bf16: k rounded up to 32; f32: k
  int k_segment = 0;  // of the numeric contract; 0 in f32
  AlignedBuffer data;

  int panels() const { return (n + 15) / 16; }
  std::size_t PanelBytes() const { return std::size_t{16} * k_padded * (codec == Codec::kF32 ? 4 : 2); }
  const bf16* Bf16() const { return reinterpret_cast<const bf16*>(data.data()); }
  const float* F32() const { return reinterpret_cast<const float*>(data.data()); }
};

// k_segment by the contract's rule, from the full N alone: with few channels, threads share K instead.
int SegmentOf(int64_t n);

// Memory for `source` in `codec`, all zeros. Errors: no data, a size out of range, no memory.
Result<PackedWeight> AllocatePacked(const SourceMatrix& source, const Codec& codec);

// Fills panels [begin, end). A NaN, an Inf, or a value that bf16 cannot hold is kInvalidInput with its place.
Status PackPanels(const SourceMatrix& source, int begin, int end, PackedWeight* weight, PackStats* stats = nullptr);

// Both of the above, on the calling thread.
Result<PackedWeight> PackLinear(const SourceMatrix& source, const Codec& codec, PackStats* stats = nullptr);

}  // namespace lacuna
