#include "weights/validate_packed.h"

#include <oneapi/tbb/parallel_for.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/small_float.h"
#include "base/status_macros.h"

namespace lacuna {
namespace {

using kernels::PackedValues;

class Validator {
 public:
  Validator(const std::string& where, const PackedWeight& weight)
      : where_(where), w_(weight), type_(weight.codec.type()) {}

  Status Sizes() const {
    for (int i = 0; i < kStreams; ++i) {
      const auto stream = static_cast<Stream>(i);
      const std::size_t got = w_.stream(stream).size(), expected = StreamBytes(w_, stream);
      const bool from_bases = stream == Stream::kValues && StreamBytes(w_, Stream::kBases) > 0;
      if (from_bases ? got < 64 : got != expected) {
        return Wrong(stream, "has " + std::to_string(got) + " bytes, expected " +
                                 (from_bases ? "at least 64" : std::to_string(expected)));
      }
    }
    return {};
  }

  Status Contents() const {
    if (w_.view.panel_bases != nullptr) LACUNA_RETURN_IF_ERROR(Bases());
    if (w_.codec.bitmap) LACUNA_RETURN_IF_ERROR(Tiles());
    LACUNA_RETURN_IF_ERROR(Finite());
    if (w_.codec.e2m1()) LACUNA_RETURN_IF_ERROR(SmallFloats());
    LACUNA_RETURN_IF_ERROR(Integers());
    return Permutation();
  }

 private:
  Status Wrong(Stream stream, const std::string& what) const {
    return InvalidInput(where_ + ": the stream `" + StreamName(stream) + "` " + what);
  }

  Status Bases() const {
    const uint64_t* bases = w_.view.panel_bases;
    for (int p = 0; p <= w_.panels(); ++p) {
      if (bases[p] % 64 != 0 || (p == 0 ? bases[p] != 0 : bases[p] < bases[p - 1]) ||
          bases[p] > w_.stream(Stream::kValues).size()) {
        return Wrong(Stream::kBases, "has " + std::to_string(bases[p]) + " for panel " + std::to_string(p) +
                                         "; they must ascend from 0 in multiples of 64, up to the " +
                                         std::to_string(w_.stream(Stream::kValues).size()) + " bytes of values");
      }
    }
    return {};
  }

  int RowCount(int panel, int tile, int row) const {
    const std::size_t at =
        (static_cast<std::size_t>(panel) * static_cast<std::size_t>(w_.tiles()) + static_cast<std::size_t>(tile)) * 16 +
        static_cast<std::size_t>(row);
    if (type_ == PackedValues::kBf16) return __builtin_popcount(static_cast<const uint32_t*>(w_.view.mask)[at]);
    return __builtin_popcountll(static_cast<const uint64_t*>(w_.view.mask)[at]);
  }

  // The first tile of the panel whose masks and offset do not fit together, or -1.
  int BadTile(int panel) const {
    const int rows = w_.codec.constant_rows();
    const int per_block =
        rows == 0 ? 0 : rows * (type_ == PackedValues::kBf16 ? 32 : 64) / w_.codec.pattern_m * w_.codec.pattern_n;
    uint64_t offset = 0;
    for (int t = 0; t < w_.tiles(); ++t) {
      int halves[2] = {0, 0}, block = 0;
      for (int row = 0; row < 16; ++row) {
        const int count = RowCount(panel, t, row);
        halves[row / 8] += count;
        block += count;
        if (rows > 0 && (row + 1) % rows == 0) {
          if (block != per_block) return t;
          block = 0;
        }
      }
      if (rows > 0) continue;
      if (w_.view.tile_offsets[static_cast<ptrdiff_t>(panel) * w_.tiles() + t] != offset) return t;
      const int all = halves[0] + halves[1];
      offset += static_cast<uint64_t>(type_ == PackedValues::kCode4  ? std::max(halves[0], halves[1])
                                      : type_ == PackedValues::kBf16 ? 2 * all
                                                                     : all);
    }
    if (rows > 0) return -1;
    const uint64_t room = w_.view.panel_bases[panel + 1] - w_.view.panel_bases[panel];
    return (offset + 63) / 64 * 64 == room ? -1 : w_.tiles();
  }

  Status Tiles() const {
    std::atomic<int> first{std::numeric_limits<int>::max()};
    tbb::parallel_for(0, w_.panels(), [&](int panel) {
      if (panel >= first.load(std::memory_order_relaxed) || BadTile(panel) < 0) return;
      int seen = first.load();
      while (panel < seen && !first.compare_exchange_weak(seen, panel)) {
      }
    });
    const int panel = first.load();
    if (panel == std::numeric_limits<int>::max()) return {};
    const int tile = BadTile(panel);
    const std::string place =
        "panel " + std::to_string(panel) + (tile == w_.tiles() ? "" : ", tile " + std::to_string(tile));
    if (w_.codec.pattern_m > 0) {
      return Wrong(Stream::kMask, "does not keep the pattern " + std::to_string(w_.codec.pattern_n) + ":" +
                                      std::to_string(w_.codec.pattern_m) + " in " + place);
    }
    return tile == w_.tiles() ? Wrong(Stream::kBases, "gives " + place + " another number of bytes than its masks need")
                              : Wrong(Stream::kOffsets, "does not agree with the masks at " + place);
  }

  Status Finite() const {
    const auto scales = w_.stream(Stream::kScales);
    const bool half = w_.codec.scales_f16;
    for (std::size_t i = 0; i < scales.size() && !w_.codec.scales_e4m3(); i += half ? 2 : 4) {
      uint32_t bits = 0;
      std::memcpy(&bits, scales.data() + i, half ? 2 : 4);
      const uint32_t exponent = half ? 0x7c00u : 0x7f800000u;
      if ((bits & exponent) == exponent) return Wrong(Stream::kScales, "is not finite at byte " + std::to_string(i));
    }
    if (!w_.codec.coded() || w_.codec.integer()) return {};
    for (int i = 0; i < 16; ++i) {
      if ((w_.view.code_values[i].bits & 0x7f80u) == 0x7f80u)
        return Wrong(Stream::kCodebook, "has an entry that is not finite");
    }
    return {};
  }

  // Codebooks of E2M1, and the scales that mxfp4 and nvfp4 may have.
  Status SmallFloats() const {
    const float unit = ToFloat(w_.view.code_values[1]);
    int exponent;
    if (std::frexp(unit, &exponent) != 0.5f) return Wrong(Stream::kCodebook, "does not have a power of two as entry 1");
    if (w_.codec.integer() && unit != 1) return Wrong(Stream::kCodebook, "does not have E2M1's values times two");
    for (int i = 0; i < (w_.codec.selects() ? 32 : 16); ++i) {
      const bool special = w_.codec.selects() && i % 16 == kRazerCode;
      const int value = special ? kRazerSpecial[i / 16] : kE2M1[i % 16];
      if (ToFloat(w_.view.code_values[i]) == unit * static_cast<float>(value)) continue;
      return Wrong(Stream::kCodebook, std::string("does not have ") + (special ? "RaZeR's special" : "E2M1's") +
                                          " value as entry " + std::to_string(i));
    }
    const auto scales = w_.stream(Stream::kScales);
    const auto step = static_cast<std::size_t>(w_.codec.scale_bytes());
    const bool any = w_.codec.values == ValueKind::kFp4 || w_.codec.selects();
    for (std::size_t i = 0; i < scales.size() && !any; i += step) {
      uint32_t bits = 0;
      std::memcpy(&bits, scales.data() + i, step);
      if (step == 1) {
        if (bits >= 0x7f) return Wrong(Stream::kScales, "is no positive E4M3 at byte " + std::to_string(i));
        continue;
      }
      const uint32_t exponents = step == 2 ? 0x7c00u : 0x7f800000u, mantissa = step == 2 ? 0x3ffu : 0x7fffffu;
      const int most = (bits & exponents) == 0 ? 1 : 0;  // a subnormal has its power in the mantissa
      const bool power = (bits & ~(exponents | mantissa)) == 0 && __builtin_popcount(bits & mantissa) <= most;
      if (!power) return Wrong(Stream::kScales, "is no power of two at byte " + std::to_string(i));
    }
    return {};
  }

  // u - z of int4 and int4z fits the signed byte that tiles multiply.
  Status Integers() const {
    if (!w_.codec.coded() || !w_.codec.integer() || w_.codec.bias() == 128) return {};
    for (Stream s : {Stream::kCodebook, Stream::kZeros}) {
      const auto bytes = w_.stream(s);
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (static_cast<unsigned>(bytes[i]) <= 127) continue;
        return Wrong(s, "has " + std::to_string(static_cast<unsigned>(bytes[i])) + " at byte " + std::to_string(i) +
                            ", and " + CodecName(w_.codec) + " may have 0 to 127 there");
      }
    }
    return {};
  }

  Status Permutation() const {
    std::vector<bool> seen(w_.in_perm().empty() ? 0 : static_cast<std::size_t>(w_.k));
    for (int32_t from : w_.in_perm()) {
      if (from < 0 || from >= w_.k || seen[static_cast<std::size_t>(from)]) {
        return Wrong(Stream::kPerm, "is not a permutation of " + std::to_string(w_.k) + ": it has " +
                                        std::to_string(from) + " outside of it or twice");
      }
      seen[static_cast<std::size_t>(from)] = true;
    }
    return {};
  }

  const std::string& where_;
  const PackedWeight& w_;
  const PackedValues type_;
};

}  // namespace

Status ValidatePacked(const std::string& where, PackedWeight* weight) {
  LACUNA_RETURN_IF_ERROR(BindPacked(weight));
  const Validator validator(where, *weight);
  LACUNA_RETURN_IF_ERROR(validator.Sizes());
  return validator.Contents();
}

}  // namespace lacuna
