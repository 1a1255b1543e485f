#include "weights/unpack.h"

#include <oneapi/tbb/parallel_for.h>

#include <algorithm>
#include <cstring>

#include "base/f16.h"
#include "base/small_float.h"

namespace lacuna {
namespace {

using kernels::PackedValues;

class PanelReader {
 public:
  PanelReader(const PackedWeight& weight, UnpackedWeight* out)
      : w_(weight), out_(*out), type_(weight.codec.type()), per_row_(type_ == PackedValues::kBf16 ? 2 : 4) {}

  void Read(int panel) const {
    Scales(panel);
    const uint8_t* values = w_.view.values;
    values += w_.view.panel_bases != nullptr ? static_cast<ptrdiff_t>(w_.view.panel_bases[panel])
                                             : panel * w_.view.panel_bytes;
    for (int t = 0; t < w_.tiles(); ++t) {
      const ptrdiff_t index = static_cast<ptrdiff_t>(panel) * w_.tiles() + t;
      const uint8_t* tile =
          values + (w_.view.tile_offsets != nullptr ? static_cast<ptrdiff_t>(w_.view.tile_offsets[index])
                                                    : t * ptrdiff_t{w_.view.tile_bytes});
      int next = 0;
      for (int row = 0; row < 16; ++row) {
        if (row == 8 && type_ == PackedValues::kCode4) next = 0;
        const uint64_t mask = Mask(index * 16 + row);
        for (int j = 0; j < 16 * per_row_; ++j) {
          const int channel = panel * 16 + j / per_row_, k = (t * 16 + row) * per_row_ + j % per_row_;
          const bool stored = (mask >> j & 1) != 0;
          const int at = next;
          next += stored;
          if (channel < w_.n && k < w_.k) Put(channel, k, stored ? Stored(tile, row, at) : Zero(channel, k));
        }
      }
    }
  }

 private:
  uint64_t Mask(ptrdiff_t at) const {
    if (w_.view.mask == nullptr) return ~uint64_t{0};
    if (type_ == PackedValues::kBf16) return static_cast<const uint32_t*>(w_.view.mask)[at];
    return static_cast<const uint64_t*>(w_.view.mask)[at];
  }

  uint16_t Stored(const uint8_t* tile, int row, int i) const {
    uint16_t bits;
    switch (type_) {
      case PackedValues::kBf16:
        std::memcpy(&bits, tile + 2 * i, 2);
        return bits;
      case PackedValues::kInt8:
        return tile[i];
      default:
        return row < 8 ? tile[i] & 15 : tile[i] >> 4;
    }
  }

  // What stands for a weight that is not stored; of a fitted codebook or nf4 there may be no such value, and the code
  // of its least is given.
  uint16_t Zero(int channel, int k) const {
    switch (w_.codec.values) {
      case ValueKind::kInt8:
        return 128;
      case ValueKind::kInt4:
        return 8;
      case ValueKind::kInt4Zero:
        return out_.zeros[static_cast<std::size_t>(channel * out_.groups + k / Group())];
      case ValueKind::kCodebook:
      case ValueKind::kNf4: {
        int least = 0;
        const auto size = [&](int i) { return FloatBits(ToFloat(w_.view.code_values[i])) & 0x7fffffffu; };
        for (int i = 1; i < 16; ++i) least = size(i) < size(least) ? i : least;
        return static_cast<uint16_t>(least);
      }
      default:
        return 0;
    }
  }

  void Put(int channel, int k, uint16_t value) const {
    const auto perm = w_.in_perm();
    const int column = perm.empty() ? k : perm[static_cast<std::size_t>(k)];
    out_.values[static_cast<std::size_t>(int64_t{channel} * w_.k + column)] = value;
  }

  int Group() const { return w_.view.group; }

  void Scales(int panel) const {
    for (int g = 0; g < static_cast<int>(out_.groups); ++g) {
      for (int c = 0; c < 16 && panel * 16 + c < w_.n; ++c) {
        const auto from = static_cast<std::size_t>((static_cast<int64_t>(panel) * w_.groups() + g) * 16 + c);
        const auto to = static_cast<std::size_t>((panel * int64_t{16} + c) * out_.groups + g);
        const std::byte* scales = w_.stream(Stream::kScales).data();
        if (w_.codec.scales_e4m3()) {
          out_.scales[to] = E4M3ToFloat(static_cast<uint8_t>(scales[from]));
        } else if (w_.codec.scales_f16) {
          uint16_t half;
          std::memcpy(&half, scales + 2 * from, 2);
          out_.scales[to] = F16ToFloat(half);
        } else {
          std::memcpy(&out_.scales[to], scales + 4 * from, 4);
        }
        if (!out_.zeros.empty()) out_.zeros[to] = static_cast<uint8_t>(w_.stream(Stream::kZeros)[from]);
      }
    }
  }

  const PackedWeight& w_;
  UnpackedWeight& out_;
  const PackedValues type_;
  const int per_row_;
};

}  // namespace

UnpackedWeight UnpackRows(const PackedWeight& weight) {
  UnpackedWeight out{.codec = weight.codec, .n = weight.n, .k = weight.k};
  if (weight.codec.scaled()) {
    // Groups of padding alone are left out.
    out.groups = weight.codec.group == 0 ? 1 : (out.k + weight.codec.group - 1) / weight.codec.group;
    out.scales.resize(static_cast<std::size_t>(out.n * out.groups));
    if (weight.codec.zero_points()) out.zeros.resize(out.scales.size());
  }
  out.values.resize(static_cast<std::size_t>(out.n * out.k));
  const PanelReader reader(weight, &out);
  tbb::parallel_for(0, weight.panels(), [&](int panel) { reader.Read(panel); });
  return out;
}

}  // namespace lacuna
