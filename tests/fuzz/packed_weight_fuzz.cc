// Any bytes as the streams of a packed weight: refused, or every kernel of the reference reads it inside its streams.
//   input: kind of value | flags | group | N | K (2 bytes) | mask, offsets, bases, scales, zeros, codebook | values
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/fp_scope.h"
#include "kernels/ref/ref.h"
#include "weights/validate_packed.h"

namespace {

using namespace lacuna;

void Require(bool condition) {
  if (!condition) std::abort();
}

Codec CodecOf(const uint8_t* head) {
  constexpr ValueKind kKinds[] = {ValueKind::kBf16,     ValueKind::kInt8, ValueKind::kInt4, ValueKind::kInt4Zero,
                                  ValueKind::kCodebook, ValueKind::kNf4,  ValueKind::kFp4,  ValueKind::kMxfp4,
                                  ValueKind::kNvfp4,    ValueKind::kRazer};
  constexpr int kPatterns[][2] = {{0, 0}, {2, 4}, {5, 8}, {8, 16}};
  constexpr int kGroups[] = {0, 32, 64, 128};
  Codec codec{.values = kKinds[head[0] < 0xf0   ? head[0] % 6
                               : head[0] < 0xfc ? 6 + head[0] % 3
                                                : 9],
              .bitmap = (head[1] & 1) != 0};
  if (codec.bitmap) {
    codec.pattern_n = kPatterns[head[1] >> 1 & 3][0];
    codec.pattern_m = kPatterns[head[1] >> 1 & 3][1];
  }
  if (codec.integer() && (head[1] & 8) == 0) codec.activations = Activations::kInt8;
  const int group = codec.values == ValueKind::kMxfp4 ? 32 : codec.scales_e4m3() ? 16 : kGroups[head[2] % 4];
  if (codec.scaled()) SetGroup(group, &codec);
  return codec;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 6) return 0;
  const FpScope fp;
  const Codec codec = CodecOf(data);
  const int n = data[3] % 64 + 1, k = (data[4] | data[5] << 8) % 600 + 1;
  std::span<const uint8_t> rest(data + 6, size - 6);
  Result<PackedWeight> described = DescribePacked("fuzz", n, k, codec);
  Require(described.ok());
  PackedWeight weight = *std::move(described);
  Require(BindPacked(&weight).ok());  // sizes
  // Exactly the stream and the bytes behind it that kernels may read: the sanitizer sees one more.
  struct Freed {
    ~Freed() {
      for (void* p : blocks) std::free(p);
    }
    std::vector<void*> blocks;
  } memory;
  for (const Stream stream : {Stream::kMask, Stream::kOffsets, Stream::kBases, Stream::kScales, Stream::kZeros,
                              Stream::kCodebook, Stream::kValues}) {
    std::size_t bytes = StreamBytes(weight, stream);
    if (stream == Stream::kValues && bytes == 0) bytes = std::max<std::size_t>(64, rest.size() / 64 * 64);
    if (bytes == 0) continue;
    void* at = nullptr;
    Require(posix_memalign(&at, 64, bytes + kStreamTail) == 0);
    memory.blocks.push_back(at);
    std::memset(at, 0, bytes + kStreamTail);
    const std::size_t there = std::min(bytes, rest.size());
    if (there > 0) std::memcpy(at, rest.data(), there);
    rest = rest.subspan(there);
    weight.stream(stream) = {static_cast<std::byte*>(at), bytes};
  }
  const Status status = ValidatePacked("fuzz", &weight);
  if (!status.ok()) {
    Require(status.code() == StatusCode::kInvalidInput && status.message().starts_with("fuzz: the stream `"));
    return 0;
  }
  Require(weight.StoredWeights() >= 0);
  std::vector<float> x(static_cast<std::size_t>(weight.k_padded), 1.0f),
      y(static_cast<std::size_t>(weight.panels()) * 16);
  for (int channel = 0; channel < n; ++channel) kernels::RefExpandChannel(&weight.view, channel, k, x.data());
  std::vector<bf16> rounded(x.size());
  std::vector<int8_t> q(x.size());
  std::vector<float> scales(x.size() / 32 + 1);
  std::vector<int32_t> sums(x.size() / 32 + 2);
  kernels::LinearPackedArgs args{.w = &weight.view,
                                 .x = rounded.data(),
                                 .x_stride = weight.k_padded,
                                 .x_rows = 1,
                                 .activation_group = weight.activation_group(),
                                 .y = y.data(),
                                 .y_stride = static_cast<ptrdiff_t>(y.size()),
                                 .m = 1,
                                 .k_begin = 0,
                                 .k_end = weight.k_padded,
                                 .panel_begin = 0,
                                 .panel_end = weight.panels()};
  kernels::RefLinearPackedBf16(args);
  if (codec.integer()) {
    args.x = q.data();
    args.x_scales = scales.data();
    args.x_sums = sums.data();
    kernels::RefLinearPackedInt8(args);
  }
  return 0;
}
