#include "tests/support/naive_packed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/f16.h"
#include "tests/support/naive_dot.h"

namespace lacuna::testing {
namespace {

// A stream read from front to back.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : at_(bytes.data()) {}
  template <class T>
  T Next() {
    T value;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  void AlignTo64(const std::byte* start) { at_ += (64 - (at_ - start) % 64) % 64; }
  const std::byte* at() const { return at_; }

 private:
  const std::byte* at_;
};

float Rounded(float x) {
  volatile float y = x;
  return y;
}

}  // namespace

NaivePacked Unpack(const PackedWeight& weight) {
  const Codec& codec = weight.codec;
  NaivePacked out{.n = weight.n, .k = weight.k, .k_segment = weight.k_segment};
  const bool wide = codec.values == ValueKind::kBf16;
  const int per_row = wide ? 2 : 4, tile_k = 16 * per_row;
  const int tiles = (weight.k + tile_k - 1) / tile_k, panels = (weight.n + 15) / 16;
  out.k_padded = tiles * tile_k;
  out.group = codec.group == 0 ? out.k_padded : codec.group;
  out.groups = (out.k_padded + out.group - 1) / out.group;
  out.scaled = codec.scaled();
  out.product = codec.values == ValueKind::kNvfp4 ||
                (codec.values == ValueKind::kMxfp4 && codec.activations == Activations::kBf16);
  const auto size = static_cast<std::size_t>(panels) * 16 * out.k_padded;
  out.u.resize(size);
  out.value.resize(size);
  out.stored.resize(size);
  out.scale.assign(static_cast<std::size_t>(panels) * 16 * out.groups, 1.0f);
  out.zero.assign(out.scale.size(), codec.bias());
  out.book.assign(out.scale.size(), 0);

  Reader scales(weight.stream(Stream::kScales)), zeros(weight.stream(Stream::kZeros));
  for (int panel = 0; panel < panels && codec.scaled(); ++panel) {
    for (int g = 0; g < out.groups; ++g) {
      for (int c = 0; c < 16; ++c) {
        const auto at = static_cast<std::size_t>((panel * 16 + c) * out.groups + g);
        if (codec.values == ValueKind::kNvfp4) {
          const int bits = scales.Next<uint8_t>(), exponent = bits >> 3, mantissa = bits & 7;
          out.scale[at] = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                        : std::ldexp(1 + static_cast<float>(mantissa) / 8, exponent - 7);
          continue;
        }
        const uint32_t stored = codec.scales_f16 ? scales.Next<uint16_t>() : scales.Next<uint32_t>();
        out.scale[at] = codec.scales_f16 ? F16ToFloat(static_cast<uint16_t>(stored)) : FloatFromBits(stored);
        if (codec.values == ValueKind::kRazer) out.book[at] = static_cast<int>(stored & 1);
        if (codec.zero_points()) out.zero[at] = zeros.Next<uint8_t>();
      }
    }
  }
  const auto book = weight.stream(Stream::kCodebook);
  const std::byte* start = weight.stream(Stream::kValues).data();
  Reader values(weight.stream(Stream::kValues)), masks(weight.stream(Stream::kMask));
  for (int panel = 0; panel < panels; ++panel) {
    values.AlignTo64(start);
    for (int t = 0; t < tiles; ++t) {
      // Elements stored, in order: (row, element); of rows 8-15 apart.
      std::vector<std::pair<int, int>> order[2];
      for (int row = 0; row < 16; ++row) {
        uint64_t mask = ~uint64_t{0};
        if (codec.bitmap) mask = wide ? masks.Next<uint32_t>() : masks.Next<uint64_t>();
        for (int j = 0; j < 16 * per_row; ++j) {
          if (mask >> j & 1) order[row / 8].push_back({row, j});
        }
      }
      const auto put = [&](std::pair<int, int> place, int bits) {
        const int channel = panel * 16 + place.second / per_row;
        const int k = t * tile_k + place.first * per_row + place.second % per_row;
        const auto at = static_cast<std::size_t>(channel * out.k_padded + k);
        out.stored[at] = true;
        if (wide) {
          out.value[at] = ToFloat(bf16{static_cast<uint16_t>(bits)});
        } else if (codec.values == ValueKind::kNf4 || codec.values == ValueKind::kNvfp4) {
          uint16_t entry;
          std::memcpy(&entry, book.data() + 2 * bits, 2);
          out.value[at] = ToFloat(bf16{entry});
        } else {
          const int offset = 16 * out.book[static_cast<std::size_t>(channel * out.groups + k / out.group)];
          out.u[at] = codec.coded() ? static_cast<int>(book[static_cast<std::size_t>(offset + bits)]) : bits;
        }
      };
      if (!codec.coded()) {
        for (const auto& half : order) {
          for (const auto& place : half) put(place, wide ? values.Next<uint16_t>() : values.Next<uint8_t>());
        }
      } else {
        for (std::size_t i = 0; i < std::max(order[0].size(), order[1].size()); ++i) {
          const int byte = values.Next<uint8_t>();
          if (i < order[0].size()) put(order[0][i], byte & 15);
          if (i < order[1].size()) put(order[1][i], byte >> 4);
        }
      }
    }
  }
  for (std::size_t at = 0; at < size && codec.integer(); ++at) {
    const std::size_t channel = at / out.k_padded, k = at % out.k_padded;
    const int z = out.zero[channel * out.groups + k / out.group];
    if (!out.stored[at]) out.u[at] = z;
    out.value[at] = static_cast<float>(out.u[at] - z);
  }
  return out;
}

std::vector<float> NaiveInt8Linear(const NaivePacked& w, const std::vector<float>& x, int m, int activation_group,
                                   int k_begin, int k_end, PackedMutant mutant) {
  if (k_end == 0) k_end = w.k_padded;
  const int ag = activation_group == 0 ? w.k_padded : activation_group;
  const bool split = w.k_segment > 0 && mutant != PackedMutant::kOneSegment;
  const int segment = split ? w.k_segment : w.k_padded;
  const int period = std::min({w.group, ag, w.k_segment > 0 ? w.k_segment : w.k_padded});
  std::vector<float> y(static_cast<std::size_t>(m) * w.n);
  std::vector<int> q(w.k_padded);
  std::vector<float> sx(w.k_padded);  // by column
  for (int row = 0; row < m; ++row) {
    std::fill(q.begin(), q.end(), 0);
    std::fill(sx.begin(), sx.end(), 0.0f);
    for (int g = 0; g < w.k; g += ag) {
      float a = 0;
      for (int k = g; k < std::min(w.k, g + ag); ++k) a = std::max(a, std::fabs(x[row * w.k + k]));
      if (a < std::ldexp(1.0f, -100)) continue;
      for (int k = g; k < std::min(w.k, g + ag); ++k) {
        const float v = Rounded(x[row * w.k + k] * Rounded(127 / a));
        q[k] = std::clamp(static_cast<int>(std::nearbyint(v)), -127, 127);
      }
      for (int k = g; k < std::min(w.k_padded, g + ag); ++k) sx[k] = Rounded(a / 127);
    }
    for (int c = 0; c < w.n; ++c) {
      float total = 0;
      for (int s0 = k_begin; s0 < k_end;) {
        const int s1 = std::min(k_end, (s0 / segment + 1) * segment);
        std::vector<int> starts;
        for (int k = s0; k < s1; k = (k / period + 1) * period) starts.push_back(k);
        if (mutant == PackedMutant::kReversedGroups) std::reverse(starts.begin(), starts.end());
        float sum = 0;
        for (int k0 : starts) {
          const int k1 = std::min(s1, (k0 / period + 1) * period);
          const std::size_t at = static_cast<std::size_t>(c) * w.groups + k0 / w.group;
          int64_t a = 0, all = 0;
          for (int k = k0; k < k1; ++k) {
            a += q[k] * w.u[static_cast<std::size_t>(c) * w.k_padded + k];
            all += q[k];
          }
          const int64_t t = a - (mutant == PackedMutant::kNoZeroPoint ? 0 : w.zero[at] * all);
          const auto ft = static_cast<float>(static_cast<int32_t>(t));
          const float s = Rounded(sx[k0] * w.scale[at]);
          if (mutant == PackedMutant::kUnfused) {
            sum = Rounded(Rounded(ft * s) + sum);
          } else if (mutant == PackedMutant::kScaleApart) {
            sum = std::fma(Rounded(ft * sx[k0]), w.scale[at], sum);
          } else {
            sum = std::fma(ft, s, sum);
          }
        }
        total = Rounded(total + sum);
        s0 = s1;
      }
      y[static_cast<std::size_t>(row) * w.n + c] = total;
    }
  }
  return y;
}

std::vector<float> NaiveBf16Linear(const NaivePacked& w, const std::vector<float>& x, int m, int k_begin, int k_end) {
  if (k_end == 0) k_end = w.k_padded;
  const int segment = w.k_segment > 0 ? w.k_segment : w.k_padded;
  const int period = w.scaled && !w.product ? std::min(w.group, segment) : segment;
  std::vector<float> y(static_cast<std::size_t>(m) * w.n);
  std::vector<bf16> xs, ws;
  for (int row = 0; row < m; ++row) {
    for (int c = 0; c < w.n; ++c) {
      float total = 0;
      for (int s0 = k_begin; s0 < k_end;) {
        const int s1 = std::min(k_end, (s0 / segment + 1) * segment);
        float sum = 0;
        for (int k0 = s0; k0 < s1;) {
          const int k1 = std::min(s1, (k0 / period + 1) * period);
          xs.clear();
          ws.clear();
          for (int k = k0; k < k1; ++k) {
            xs.push_back(k < w.k ? ToBf16(x[row * w.k + k]) : bf16{});
            float value = w.value[static_cast<std::size_t>(c) * w.k_padded + k];
            if (w.product) value = Rounded(value * w.scale[static_cast<std::size_t>(c) * w.groups + k / w.group]);
            ws.push_back(ToBf16(value));
            EXPECT_EQ(ToFloat(ws.back()), value) << "not exact in bf16";
          }
          const float p = NaiveDot(xs.data(), ws.data(), k1 - k0, 0);
          sum = w.scaled && !w.product
                    ? std::fma(p, w.scale[static_cast<std::size_t>(c) * w.groups + k0 / w.group], sum)
                    : p;
          k0 = k1;
        }
        total = Rounded(total + sum);
        s0 = s1;
      }
      y[static_cast<std::size_t>(row) * w.n + c] = total;
    }
  }
  return y;
}

}  // namespace lacuna::testing
