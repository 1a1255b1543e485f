#include "weights/random_packed.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bf16.h"
#include "base/small_float.h"
#include "weights/build_packed.h"
#include "weights/pack.h"
#include "weights/quantize.h"

namespace lacuna {
namespace {

constexpr int kChannels = 16;
constexpr uint8_t kBook[16] = {1, 31, 52, 69, 84, 98, 110, 122, 133, 143, 155, 168, 183, 201, 224, 255};

class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed) {}
  // 16 random bits.
  uint32_t Next() {
    if (left_ == 0) {
      uint64_t z = state_ += 0x9E3779B97F4A7C15u;  // splitmix64
      z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
      z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
      bits_ = z ^ (z >> 31);
      left_ = 4;
    }
    const auto out = static_cast<uint32_t>(bits_ & 0xffff);
    bits_ >>= 16;
    --left_;
    return out;
  }

 private:
  uint64_t state_;
  uint64_t bits_ = 0;
  int left_ = 0;
};

// Spread of u - z (or of the entries) when all are equally likely.
double Spread(const Codec& codec) {
  switch (codec.values) {
    case ValueKind::kInt8:
      return 74;
    case ValueKind::kInt4:
      return 4.6;
    case ValueKind::kInt4Zero:
      return 6.5;
    case ValueKind::kCodebook:
      return 70;
    case ValueKind::kFp4:
    case ValueKind::kMxfp4:
      return 5.9;
    case ValueKind::kRazer:
      return 6.7;
    case ValueKind::kNvfp4:
      return 2.9;
    default:
      return 0.58;  // nf4, and uniform in [-1, 1]
  }
}

float ScaleOf(int64_t k, const Codec& codec, const RandomSpec& spec) {
  const double density = codec.pattern_m > 0 ? static_cast<double>(codec.pattern_n) / codec.pattern_m
                         : codec.bitmap      ? spec.density
                                             : 1;
  return static_cast<float>(spec.gain / (Spread(codec) * std::sqrt(std::max(0.01, density) * static_cast<double>(k))));
}

// One panel.
class Panel {
 public:
  Panel(int64_t n, int64_t k, const Codec& codec, const RandomSpec& spec, int panel, PanelValues& values)
      : n_(n),
        k_(static_cast<int>(k)),
        codec_(codec),
        spec_(spec),
        panel_(panel),
        values_(values),
        k_padded_(static_cast<int>(values.stored.size()) / kChannels),
        group_(codec.group == 0 ? k_padded_ : codec.group),
        random_((spec.seed << 24) + static_cast<uint64_t>(panel)),
        scale_(ScaleOf(k, codec, spec)) {}

  void Fill() {
    for (std::size_t i = 0; i < values_.scales.size(); ++i) {
      const bool there = panel_ * kChannels + static_cast<int64_t>(i % kChannels) < n_;
      float& s = values_.scales[i];
      s = there ? scale_ * (0.75f + static_cast<float>(random_.Next()) * 0x1p-17f) : 0.0f;
      if (there && codec_.values == ValueKind::kMxfp4) s = std::ldexp(1.0f, std::ilogb(s));
      if (there && codec_.values == ValueKind::kNvfp4) s = E4M3(s);
      if (there && codec_.selects() && (random_.Next() & 1) != 0) s = -s;
      values_.zeros[i] = static_cast<uint8_t>(random_.Next() & 15);
    }
    for (int c = 0; c < kChannels; ++c) {
      for (int k = 0; k < k_padded_; k += kStep) Columns(c, k);
    }
  }

 private:
  static constexpr int kStep = 16;  // every pattern's M divides it

  // Scales of the size that is meant, at 256 in E4M3; one of 16 is any that there is.
  float E4M3(float s) {
    const uint32_t bits = random_.Next();
    if (bits < 4096) return E4M3ToFloat(static_cast<uint8_t>(bits % 0x7f));
    return std::ldexp(s, 8 - std::ilogb(scale_));
  }

  // kStep columns of one channel.
  void Columns(int c, int k0) {
    int32_t* stored = values_.stored.data() + static_cast<ptrdiff_t>(c) * k_padded_ + k0;
    const bool channel = panel_ * int64_t{kChannels} + c < n_;
    bool there[kStep];
    Choose(k0, channel, there);
    for (int i = 0; i < kStep; ++i) {
      if (there[i]) stored[i] = channel && k0 + i < k_ ? Value() : Zero(c, k0 + i);
    }
  }

  void Choose(int k0, bool channel, bool* there) {
    if (codec_.pattern_m > 0) {
      for (int m0 = 0; m0 < kStep; m0 += codec_.pattern_m) {
        int needed = codec_.pattern_n;
        for (int i = 0; i < codec_.pattern_m; ++i) {
          const auto left = static_cast<uint32_t>(codec_.pattern_m - i);
          there[m0 + i] = random_.Next() * left < static_cast<uint32_t>(needed) * 65536;
          needed -= there[m0 + i];
        }
      }
      return;
    }
    double density = codec_.bitmap ? spec_.density : 1;
    if (codec_.bitmap && spec_.skew) {
      density *= (1.5 - (panel_ + 0.5) * kChannels / std::max(16.0, static_cast<double>(n_))) *
                 (1.5 - (k0 + kStep / 2) / std::max(16.0, static_cast<double>(k_)));
    }
    const auto threshold = static_cast<uint32_t>(std::clamp(density, 0.0, 1.0) * 65536);
    for (int i = 0; i < kStep; ++i) {
      there[i] = !codec_.bitmap || (channel && k0 + i < k_ && random_.Next() < threshold);
    }
  }

  int32_t Value() {
    const uint32_t bits = random_.Next();
    if (codec_.coded()) return static_cast<int32_t>(bits & 15);
    if (codec_.values == ValueKind::kInt8) return static_cast<int32_t>(bits & 255);
    return ToBf16(scale_ * (static_cast<float>(bits) * 0x1p-15f - 1.0f)).bits;
  }

  // For padding.
  int32_t Zero(int c, int k) const {
    switch (codec_.values) {
      case ValueKind::kInt8:
        return 128;
      case ValueKind::kInt4:
        return 8;
      case ValueKind::kInt4Zero:
        return values_.zeros[static_cast<std::size_t>(k / group_ * kChannels + c)];
      case ValueKind::kNf4:
      case ValueKind::kCodebook:
        return 7;
      default:
        return 0;
    }
  }

  const int64_t n_;
  const int k_;
  const Codec& codec_;
  const RandomSpec& spec_;
  const int panel_;
  PanelValues& values_;
  const int k_padded_, group_;
  Numbers random_;
  const float scale_;
};

}  // namespace

Result<PackedWeight> RandomPacked(const std::string& name, int64_t n, int64_t k, const Codec& codec,
                                  const RandomSpec& spec) {
  BuildOptions options;
  if (codec.values == ValueKind::kNf4) {
    std::memcpy(options.codebook.data(), Nf4Entries().data(), 32);
  } else if (codec.values == ValueKind::kNvfp4) {
    const float unit = std::ldexp(0.5f, std::ilogb(ScaleOf(k, codec, spec)) - 8);
    for (std::size_t i = 0; i < 16; ++i) {
      const bf16 entry = ToBf16(unit * static_cast<float>(kE2M1[i]));
      std::memcpy(options.codebook.data() + 2 * i, &entry, 2);
    }
  } else {
    for (std::size_t i = 0; i < 16; ++i) {
      options.codebook[i] = codec.values == ValueKind::kCodebook ? std::byte{kBook[i]}
                            : codec.e2m1()                       ? static_cast<std::byte>(128 + kE2M1[i])
                                                                 : static_cast<std::byte>(i);
    }
    if (codec.selects()) Quantizer(codec).WriteCodebook(options.codebook.data());
  }
  return BuildPacked(name, n, k, codec, options, [&](int panel, PanelValues& values) -> Status {
    Panel(n, k, codec, spec, panel, values).Fill();
    return {};
  });
}

}  // namespace lacuna
