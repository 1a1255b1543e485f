// A linear layer's weight in the layout every kernel reads (kernels/linear.h draws it): panels of 16 output channels.
//
//   bf16: K padded to 32 by zeros, a row of a panel is 64 bytes = 16 channels x 2 k
//   f32:  K as it is, a row of a panel is 64 bytes = 16 channels (f32 mode)
//   other codecs (weights/codec.h) are streams, which kernels/README.md draws; weights/pack.h packs them
//
// N is padded to whole panels by zeros. Panels are independent: different ranges may be packed by different threads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "backend/view.h"
#include "base/aligned_buffer.h"
#include "base/bf16.h"
#include "io/dtype.h"
#include "lacuna/status.h"
#include "weights/codec.h"

namespace lacuna {

class ForeignMatrix;
class MappedFile;

// A weight as a file holds it: [n][k] row-major, addresses may be odd.
struct SourceMatrix {
  std::string name;  // for messages: the tensor's name in the file
  const std::byte* data = nullptr;
  ElementType type = ElementType::kF32;
  int64_t n = 0;
  int64_t k = 0;
  int64_t row_stride = 0;            // elements; 0: k
  std::optional<DType> blocks;       // a block type of GGUF, instead of `type`; rows lie one behind the other
  const MappedFile* file = nullptr;  // that holds `data`, of a matrix that is not foreign
  int interleaved_heads = 0;         // rows are stored in the order of io/gguf_tensors.h
  std::shared_ptr<const ForeignMatrix> foreign =
      nullptr;            // another tool's tensors, instead of `type`; `data` are its values
  int64_t first_row = 0;  // of `foreign`

  bool converted() const { return blocks.has_value() || foreign != nullptr; }  // rows are no floating point in the file
};

// What packing did, over all tensors packed with it; any thread may add.
struct PackStats {
  std::atomic<int64_t> f16_values{0};   // F16 values stored as bf16 ..
  std::atomic<int64_t> f16_rounded{0};  // .. and how many of them lost bits
};

// The parts of a packed weight: byte strings that start at multiples of 64 with kStreamTail readable bytes behind.
enum class Stream : uint8_t { kValues, kMask, kOffsets, kBases, kScales, kZeros, kCodebook, kPerm };
inline constexpr int kStreams = 8;
inline constexpr std::size_t kStreamTail = 64;
const char* StreamName(Stream stream);  // "values", ..

struct PackedWeight {
  Codec codec;
  int n = 0;
  int k = 0;
  int k_padded = 0;                                          // k rounded up to a tile; f32: k
  int k_segment = 0;                                         // of the numeric contract; 0 in f32
  AlignedBuffer data;                                        // owns the values, where they are not in a mapped file
  AlignedBuffer side;                                        // owns the other streams likewise
  AlignedBuffer tables;                                      // of 4-bit codes, for kernels
  std::array<std::span<const std::byte>, kStreams> streams;  // empty where the codec has none
  kernels::PackedPanels view{};                              // what kernels read; not of f32

  int panels() const { return (n + 15) / 16; }
  int tiles() const { return k_padded / kernels::PackedTileK(codec.type()); }
  int groups() const { return codec.group == 0 ? 1 : (k_padded + codec.group - 1) / codec.group; }
  // Of the activations, as kernels want it.
  int activation_group() const { return codec.activation_group == 0 ? k_padded : codec.activation_group; }
  std::span<const std::byte> stream(Stream s) const { return streams[static_cast<std::size_t>(s)]; }
  std::span<const std::byte>& stream(Stream s) { return streams[static_cast<std::size_t>(s)]; }
  // Column j of the weight belongs to column in_perm()[j] of the input; empty: j.
  std::span<const int32_t> in_perm() const;

  // What a pass must read of all panels: every stream but the tables.
  std::size_t ReadBytes() const;
  // And of panels [0, panel): ReadBytes() where it is panels(), but for the padding of a stream without values.
  std::size_t ReadBytesBefore(int panel) const;
  // Stored weights, gaps not counted.
  int64_t StoredWeights() const;

  // Of codecs that store all weights and have no groups.
  std::size_t PanelBytes() const { return std::size_t{16} * k_padded * (codec.values == ValueKind::kF32 ? 4 : 2); }
  const bf16* Bf16() const { return reinterpret_cast<const bf16*>(stream(Stream::kValues).data()); }
  const float* F32() const { return reinterpret_cast<const float*>(stream(Stream::kValues).data()); }
};

// A weight of n x k without streams: shapes and segment. Errors: a size out of range, K too long for the codec.
Result<PackedWeight> DescribePacked(const std::string& name, int64_t n, int64_t k, const Codec& codec);
// Bytes of a stream, 0 where the codec has none; of kValues only where all weights are stored or a pattern's are
// (otherwise the bases say), of kPerm when there is one.
std::size_t StreamBytes(const PackedWeight& weight, Stream stream);
// Sets `view` from the streams, whose sizes are right, and builds the tables if there are codes.
Status BindPacked(PackedWeight* weight);

// k_segment by the contract's rule, from the full N alone: with few channels, threads share K instead.
int SegmentOf(int64_t n);

// Memory for `source` in bf16 or f32, all zeros. Errors: no data, a size out of range, no memory.
Result<PackedWeight> AllocatePacked(const SourceMatrix& source, const Codec& codec);

// Fills panels [begin, end). A NaN, an Inf, or a value that bf16 cannot hold is kInvalidInput with its place.
Status PackPanels(const SourceMatrix& source, int begin, int end, PackedWeight* weight, PackStats* stats = nullptr);

// Both of the above, on the calling thread.
Result<PackedWeight> PackLinear(const SourceMatrix& source, const Codec& codec, PackStats* stats = nullptr);

}  // namespace lacuna
