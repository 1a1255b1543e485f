#include "weights/build_packed.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <mutex>

#include "base/f16.h"
#include "base/fp_scope.h"
#include "base/small_float.h"
#include "base/status_macros.h"

namespace lacuna {
namespace {

using kernels::PackedValues;

template <class T>
T* Writable(const PackedWeight& weight, Stream stream) {
  return reinterpret_cast<T*>(const_cast<std::byte*>(weight.stream(stream).data()));
}

// The values of one tile, in the order of rows and of elements in a row.
struct Tile {
  uint16_t values[2][1024];  // 4-bit: of rows 0-7 and of rows 8-15; else only the first
  int count[2];

  int Bytes(PackedValues type) const {
    if (type == PackedValues::kCode4) return std::max(count[0], count[1]);
    return type == PackedValues::kBf16 ? 2 * count[0] : count[0];
  }
  void Write(PackedValues type, std::byte* to) const {
    if (Bytes(type) == 0) return;  // `to` may be null
    if (type == PackedValues::kBf16) {
      std::memcpy(to, values[0], static_cast<std::size_t>(count[0]) * 2);
    } else if (type == PackedValues::kInt8) {
      for (int i = 0; i < count[0]; ++i) to[i] = static_cast<std::byte>(values[0][i]);
    } else {
      for (int i = 0; i < Bytes(type); ++i) {
        const int low = i < count[0] ? values[0][i] : 0, high = i < count[1] ? values[1][i] : 0;
        to[i] = static_cast<std::byte>(high << 4 | low);
      }
    }
  }
};

class Builder {
 public:
  explicit Builder(PackedWeight weight) : weight_(std::move(weight)), type_(weight_.codec.type()) {}

  Result<PackedWeight> Build(const BuildOptions& options, FunctionRef<Status(int panel, PanelValues& values)> fill) {
    LACUNA_RETURN_IF_ERROR(Allocate(options));
    const bool sized = StreamBytes(weight_, Stream::kBases) == 0;
    std::vector<std::vector<std::byte>> values(sized ? 0 : static_cast<std::size_t>(weight_.panels()));
    std::mutex mutex;
    int failed = std::numeric_limits<int>::max();
    Status error;
    tbb::parallel_for(tbb::blocked_range<int>(0, weight_.panels()), [&](const tbb::blocked_range<int>& range) {
      const FpScope fp;
      PanelValues panel_values;
      for (int panel = range.begin(); panel < range.end(); ++panel) {
        panel_values.stored.assign(std::size_t{16} * static_cast<std::size_t>(weight_.k_padded), kGap);
        const std::size_t groups = weight_.codec.scaled() ? static_cast<std::size_t>(weight_.groups()) * 16 : 0;
        panel_values.scales.assign(groups, 0.0f);
        panel_values.zeros.assign(groups, 0);
        Status status = fill(panel, panel_values);
        if (status.ok()) {
          WriteScales(panel, panel_values);
          status = WriteTiles(panel, panel_values.stored, sized ? nullptr : &values[static_cast<std::size_t>(panel)]);
        }
        if (status.ok()) continue;
        const std::lock_guard lock(mutex);
        if (panel < failed) {
          failed = panel;
          error = std::move(status);
        }
        return;
      }
    });
    LACUNA_RETURN_IF_ERROR(error);
    if (!sized) LACUNA_RETURN_IF_ERROR(JoinPanels(values));
    LACUNA_RETURN_IF_ERROR(BindPacked(&weight_));
    return std::move(weight_);
  }

 private:
  Status Allocate(const BuildOptions& options) {
    LACUNA_RETURN_IF_ERROR(BindPacked(&weight_));  // sizes
    const auto room = [](std::size_t bytes) { return (bytes + 63) / 64 * 64 + kStreamTail; };
    const std::size_t perm = options.in_perm.size() * 4;
    std::size_t total = room(perm);
    for (int s = 1; s < kStreams; ++s) total += room(StreamBytes(weight_, static_cast<Stream>(s)));
    LACUNA_ASSIGN_OR_RETURN(weight_.side, AlignedBuffer::Create(total, "packed weight"));
    std::byte* at = weight_.side.data();
    for (int s = 1; s < kStreams; ++s) {
      const auto stream = static_cast<Stream>(s);
      const std::size_t bytes = stream == Stream::kPerm ? perm : StreamBytes(weight_, stream);
      if (bytes == 0) continue;
      weight_.stream(stream) = {at, bytes};
      at += room(bytes);
    }
    if (perm > 0) std::memcpy(Writable<std::byte>(weight_, Stream::kPerm), options.in_perm.data(), perm);
    if (weight_.codec.coded()) {
      std::memcpy(Writable<std::byte>(weight_, Stream::kCodebook), options.codebook.data(),
                  weight_.stream(Stream::kCodebook).size());
    }
    const std::size_t bytes = StreamBytes(weight_, Stream::kValues);
    if (bytes > 0) LACUNA_RETURN_IF_ERROR(AllocateValues(bytes));
    return {};
  }

  Status AllocateValues(std::size_t bytes) {
    LACUNA_ASSIGN_OR_RETURN(weight_.data, AlignedBuffer::Create(bytes, "packed weight"));
    weight_.stream(Stream::kValues) = {weight_.data.data(), weight_.data.size()};
    return {};
  }

  void WriteScales(int panel, const PanelValues& values) {
    const std::size_t first = static_cast<std::size_t>(panel) * values.scales.size();
    for (std::size_t i = 0; i < values.scales.size(); ++i) {
      if (weight_.codec.scales_e4m3()) {
        Writable<uint8_t>(weight_, Stream::kScales)[first + i] = FloatToE4M3(values.scales[i]);
      } else if (weight_.codec.scales_f16) {
        Writable<uint16_t>(weight_, Stream::kScales)[first + i] = FloatToF16(values.scales[i]);
      } else {
        Writable<float>(weight_, Stream::kScales)[first + i] = values.scales[i];
      }
      if (weight_.codec.zero_points()) Writable<uint8_t>(weight_, Stream::kZeros)[first + i] = values.zeros[i];
    }
  }

  // Mask and offsets go to their streams; the values too where the codec fixes their size, else to `values`.
  Status WriteTiles(int panel, const std::vector<int32_t>& stored, std::vector<std::byte>* values) {
    const int tiles = weight_.tiles();
    for (int t = 0; t < tiles; ++t) {
      Tile tile;
      tile.count[0] = tile.count[1] = 0;
      const std::size_t index =
          static_cast<std::size_t>(panel) * static_cast<std::size_t>(tiles) + static_cast<std::size_t>(t);
      Collect(stored, t, index * 16, &tile);
      if (values != nullptr) {
        const std::size_t offset = values->size();
        Writable<uint32_t>(weight_, Stream::kOffsets)[index] = static_cast<uint32_t>(offset);
        values->resize(offset + static_cast<std::size_t>(tile.Bytes(type_)));
        tile.Write(type_, values->data() + offset);
        continue;
      }
      const int tile_bytes = weight_.view.tile_bytes;
      const bool halves_differ = type_ == PackedValues::kCode4 && tile.count[0] != tile.count[1];
      if (tile.Bytes(type_) != tile_bytes || halves_differ) {
        return InvalidInput("a tile has " + std::to_string(tile.Bytes(type_)) + " bytes of values, where " +
                            CodecName(weight_.codec) + " has " + std::to_string(tile_bytes));
      }
      tile.Write(type_, Writable<std::byte>(weight_, Stream::kValues) + panel * weight_.view.panel_bytes +
                            static_cast<ptrdiff_t>(t) * tile_bytes);
    }
    return {};
  }

  // One tile's values, and its masks from mask_index on.
  void Collect(const std::vector<int32_t>& stored, int t, std::size_t mask_index, Tile* tile) {
    const int pair_k = type_ == PackedValues::kBf16 ? 2 : 4;
    for (int row = 0; row < 16; ++row) {
      uint64_t mask = 0;
      const int half = type_ == PackedValues::kCode4 && row >= 8;
      for (int channel = 0; channel < 16; ++channel) {
        const int32_t* from =
            stored.data() + static_cast<ptrdiff_t>(channel) * weight_.k_padded + (t * 16 + row) * pair_k;
        for (int i = 0; i < pair_k; ++i) {
          if (from[i] < 0) continue;
          mask |= uint64_t{1} << (channel * pair_k + i);
          tile->values[half][tile->count[half]++] = static_cast<uint16_t>(from[i]);
        }
      }
      if (!weight_.codec.bitmap) continue;
      const std::size_t at = mask_index + static_cast<std::size_t>(row);
      if (type_ == PackedValues::kBf16) {
        Writable<uint32_t>(weight_, Stream::kMask)[at] = static_cast<uint32_t>(mask);
      } else {
        Writable<uint64_t>(weight_, Stream::kMask)[at] = mask;
      }
    }
  }

  // Each panel from a multiple of 64 on. There are 64 bytes at least, so that the stream has an address.
  Status JoinPanels(std::vector<std::vector<std::byte>>& values) {
    auto* bases = Writable<uint64_t>(weight_, Stream::kBases);
    uint64_t end = 0;
    for (std::size_t p = 0; p < values.size(); ++p) {
      bases[p] = end;
      end += (values[p].size() + 63) / 64 * 64;
    }
    bases[values.size()] = end;
    LACUNA_RETURN_IF_ERROR(AllocateValues(std::max<uint64_t>(end, 64)));
    for (std::size_t p = 0; p < values.size(); ++p) {
      if (!values[p].empty()) std::memcpy(weight_.data.data() + bases[p], values[p].data(), values[p].size());
      std::vector<std::byte>().swap(values[p]);
    }
    return {};
  }

  PackedWeight weight_;
  const PackedValues type_;
};

}  // namespace

Result<PackedWeight> BuildPacked(const std::string& name, int64_t n, int64_t k, const Codec& codec,
                                 const BuildOptions& options,
                                 FunctionRef<Status(int panel, PanelValues& values)> fill) {
  LACUNA_ASSIGN_OR_RETURN(PackedWeight weight, DescribePacked(name, n, k, codec));
  if (codec.values == ValueKind::kF32) return InternalError("tensor " + name + ": f32 is not built from values");
  return Builder(std::move(weight)).Build(options, fill);
}

}  // namespace lacuna
